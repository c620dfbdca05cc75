import createClient from 'openapi-fetch';
import type { components, paths } from './schema';

export type Me = components['schemas']['Me'];
export type Profile = components['schemas']['Profile'];
export type DomainUnit = components['schemas']['DomainUnit'];
export type MeshRequest = components['schemas']['Request'];

/** The Management App's API. The header tells the server that the call comes from this app, not from another site. */
export const api = createClient<paths>({ baseUrl: '/', headers: { 'X-Twinplane': '1' } });

/** What the API answered instead of a result, in the words of its problem document. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    title: string,
    readonly detail: string | undefined,
  ) {
    super(title);
  }
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The data of an answer; throws an ApiProblem when it is an error. */
export function unwrap<T>({ data, error, response }: Answer<T>): T {
  if (response.ok) return data as T;
  const problem = (error ?? {}) as { title?: string; detail?: string };
  throw new ApiProblem(response.status, problem.title ?? `The server answered ${response.status}`, problem.detail);
}
