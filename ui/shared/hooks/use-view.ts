// Reading a view of the program. Each fetch is audited there, so the screen says why it reads:
// `opened` when a person went somewhere, `refreshed` when the screen followed a change. Nothing
// is shown from an earlier opening: data goes with the last screen that shows it.
import {
  keepPreviousData,
  type QueryClient,
  type QueryKey,
  type UseQueryResult,
  useQuery,
} from '@tanstack/react-query';
import type { Cause } from '../bindings.ts';

/** What a view stands on; a change of any of it draws the view again. */
export interface Standing {
  /** FHIR types. */
  readonly types: readonly string[];
  /** Only changes of this patient count, where given. */
  readonly patient?: string;
  /** Every change counts. */
  readonly always?: boolean;
}

interface ViewOptions<T> {
  readonly key: QueryKey;
  readonly read: (cause: Cause) => Promise<T>;
  readonly on: Standing;
  /** Whether the last answer stays while another key is read, dimmed. */
  readonly keepLast?: boolean;
  readonly enabled?: boolean;
}

/** The view, its fault, and whether it is still to come. */
export function useView<T>(options: ViewOptions<T>): UseQueryResult<T, Error> {
  const { key, read, on, keepLast, enabled } = options;
  return useQuery<T, Error>({
    queryKey: key,
    queryFn: ({ client, queryKey }) =>
      read(client.getQueryData(queryKey) === undefined ? 'opened' : 'refreshed'),
    gcTime: 0,
    meta: { on },
    ...(enabled === undefined ? {} : { enabled }),
    ...(keepLast ? { placeholderData: keepPreviousData } : {}),
  });
}

/** A change of records as the program tells it. */
export interface Change {
  readonly types: readonly string[];
  readonly patients: readonly string[];
}

function touches(on: Standing, change: Change): boolean {
  if (on.always) {
    return true;
  }
  const type =
    (change.types.length === 0 && on.types.length > 0) ||
    change.types.some((t) => on.types.includes(t));
  const patient =
    on.patient === undefined ||
    change.patients.length === 0 ||
    change.patients.includes(on.patient);
  return type && patient;
}

/** Draws again every view that stands on what changed. */
export function redraw(client: QueryClient, changes: readonly Change[]): void {
  void client.invalidateQueries({
    refetchType: 'active',
    predicate: (query) => {
      const on = query.meta?.on as Standing | undefined;
      return on !== undefined && changes.some((change) => touches(on, change));
    },
  });
}
