import type { Parameter, Profile } from '../api/client';

export type Row = Parameter & { environment: string };
/** What the person changed, by environment and parameter. */
export type Changes = Record<string, Record<string, string>>;

/** Every parameter of the profile, environment by environment. */
export function rowsOf({ environments }: Pick<Profile, 'environments'>): Row[] {
  return environments.flatMap(({ name, parameters }) =>
    parameters.map((parameter) => ({ ...parameter, environment: name })),
  );
}

/** The changes with one more; a value that is the profile's own is no change. */
export function withChange(changes: Changes, row: Row, value: string): Changes {
  const { [row.name]: _, ...others } = changes[row.environment] ?? {};
  return { ...changes, [row.environment]: value === row.value ? others : { ...others, [row.name]: value } };
}

/** Who must agree to a project of the profile, as a sentence. */
export function approvalOf({ approvers }: Pick<Profile, 'approvers'>): string {
  if (approvers.length === 0) return 'Approved at once.';
  return `Must be approved by the ${approvers.map((approver) => approver.replaceAll('_', ' ')).join(', then the ')}.`;
}
