import createClient from 'openapi-fetch';
import type { components, paths } from './schema';

type Schemas = components['schemas'];
export type Me = Schemas['Me'];
export type Profile = Schemas['Profile'];
export type Parameter = Schemas['Parameter'];
export type DomainUnit = Schemas['DomainUnit'];
/** A request for a project or for access: `Request` is what browsers call a call over HTTP. */
export type MeshRequest = Schemas['Request'];
export type RequestStatus = Schemas['Status'];
export type Approval = Schemas['Approval'];
export type Step = Schemas['Step'];
export type Found = Schemas['Found'];
export type Listing = Schemas['Listing'];

/** The Management App's API. The header tells the server that the call comes from this app, not from another site. */
export const api = createClient<paths>({ baseUrl: window.location.origin, headers: { 'X-Twinplane': '1' } });

/** What the API answered instead of a result, in the words of its problem document. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    title: string,
    readonly detail: string | undefined,
    private readonly errors: { where: string; what: string }[] = [],
  ) {
    super(title);
  }

  /** What is wrong with one member of the body, if the server named it. */
  at(member: string): string | undefined {
    return this.errors.find(({ where }) => where === member)?.what;
  }
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The data of an answer; throws an ApiProblem when it is an error. */
export function unwrap<T>({ data, error, response }: Answer<T>): T {
  if (response.ok) return data as T;
  const problem = (typeof error === 'object' && error ? error : {}) as Partial<Schemas['ProblemBody']>;
  throw new ApiProblem(
    response.status,
    problem.title ?? `The server answered ${response.status}`,
    problem.detail,
    Array.isArray(problem.errors) ? problem.errors : [],
  );
}
