import { MutationCache, QueryCache, QueryClient, queryOptions } from '@tanstack/react-query';
import { ApiProblem, api, unwrap } from './client';

/** Who is signed in: null when nobody is. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async () => unwrap(await api.GET('/api/session')).person,
  staleTime: 60_000,
});

/** What the app knows of the server. Whatever is told to sign in first makes it ask who is signed in. */
export function makeQueries(): QueryClient {
  const onError = (problem: Error) => {
    if (problem instanceof ApiProblem && problem.status === 401) {
      queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
    }
  };
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: { queries: { retry: isWorthAnotherTry, staleTime: 5_000 } },
  });
  return queries;
}

function isWorthAnotherTry(failures: number, problem: Error): boolean {
  const refused = problem instanceof ApiProblem && problem.status < 500;
  return !refused && failures < 2;
}
