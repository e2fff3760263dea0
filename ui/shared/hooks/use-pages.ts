// Reading a list that the server keeps, page by page. Each page that is read is audited there, so
// a page is read once an opening and the next only when it is wanted.
import {
  type InfiniteData,
  keepPreviousData,
  type QueryKey,
  type UseInfiniteQueryResult,
  useInfiniteQuery,
} from '@tanstack/react-query';

interface Page {
  readonly next: string | null;
}

/** The pages read so far; `fetchNextPage` reads on. Those of another key stay until it is read. */
export function usePages<T extends Page>(
  key: QueryKey,
  read: (cursor: string | null) => Promise<T>,
): UseInfiniteQueryResult<InfiniteData<T, string | null>, Error> {
  return useInfiniteQuery<T, Error, InfiniteData<T, string | null>, QueryKey, string | null>({
    queryKey: key,
    queryFn: ({ pageParam }) => read(pageParam),
    initialPageParam: null,
    getNextPageParam: (last) => last.next,
    gcTime: 0,
    placeholderData: keepPreviousData,
  });
}
