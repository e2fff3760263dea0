// The one door to the program behind the window. Screens call `ipc`, never the generated
// commands; an error arrives as a thrown `FaultError` that carries what a person needs.
import { commands, events, type Fault } from './bindings.ts';

/** An error of a command, with the words for a person. */
export class FaultError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.code);
    this.name = 'FaultError';
    this.fault = fault;
  }
}

type Reply<T> = { status: 'ok'; data: T } | { status: 'error'; error: Fault };
type Commands = typeof commands;
type Unwrapped<F> = F extends (...args: infer A) => Promise<infer R>
  ? (...args: A) => Promise<R extends { status: 'ok'; data: infer T } ? T : never>
  : never;

/** Every command by its name, answering its data or throwing `FaultError`. */
export type Ipc = { readonly [K in keyof Commands]: Unwrapped<Commands[K]> };

function unwrapped(command: (...args: never[]) => Promise<Reply<unknown>>) {
  return async (...args: never[]): Promise<unknown> => {
    const reply = await command(...args);
    if (reply.status === 'error') {
      throw new FaultError(reply.error);
    }
    return reply.data;
  };
}

/** The commands of the program. */
export const ipc = Object.fromEntries(
  Object.entries(commands).map(([name, command]) => [
    name,
    unwrapped(command as (...args: never[]) => Promise<Reply<unknown>>),
  ]),
) as Ipc;

type Payload<K extends keyof typeof events> = Parameters<
  Parameters<(typeof events)[K]['listen']>[0]
>[0]['payload'];

/** Listens to one event of the program; the answer stops listening. */
export function listen<K extends keyof typeof events>(
  name: K,
  heard: (payload: Payload<K>) => void,
): () => void {
  let stopped = false;
  let stop: (() => void) | undefined;
  const event = events[name] as unknown as {
    listen: (cb: (event: { payload: Payload<K> }) => void) => Promise<() => void>;
  };
  event
    .listen(({ payload }) => {
      if (!stopped) {
        heard(payload);
      }
    })
    .then((unlisten) => {
      stop = unlisten;
      if (stopped) {
        unlisten();
      }
    });
  return () => {
    stopped = true;
    stop?.();
  };
}

/** The fault behind any thrown thing. What is not a fault of the program is a broken bridge. */
export function faultOf(error: unknown): Fault {
  if (error instanceof FaultError) {
    return error.fault;
  }
  return {
    code: 'screen-broken',
    what: 'This screen could not talk to the program.',
    safe: 'Everything saved on this computer is still there.',
    act: 'Try again. If it stays like this, lock, close and start Rounds again.',
    field: null,
  };
}
