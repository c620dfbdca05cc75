import type { MeshRequest } from '../api/client';

/** What of a request people should know, in order. A key with dots goes into what it names. */
const LABELS: Record<string, string> = {
  'body.description': 'Description',
  'body.profile': 'Profile',
  'body.domain_unit': 'Domain unit',
  'body.principal.name': 'For',
  asset: 'Data',
  'body.owning_project': 'Owned by',
  'body.classification': 'Classification',
  ends_on: 'Until',
  'body.terms.row_filter': 'Only rows where',
  'body.terms.hidden_columns': 'Hidden columns',
};

/** The facts of a request that it has, as label and text. */
export function factsOf(request: Pick<MeshRequest, 'body' | 'asset' | 'ends_on'>): { label: string; value: string }[] {
  return Object.entries(LABELS).flatMap(([path, label]) => {
    const value = path
      .split('.')
      .reduce<unknown>((inside, key) => (isObject(inside) ? inside[key] : undefined), request);
    const text = Array.isArray(value) ? value.join(', ') : value;
    return typeof text === 'string' && text ? [{ label, value: text }] : [];
  });
}

/** The columns of the data that a request is about; none for other requests. */
export function columnsOf({ body }: Pick<MeshRequest, 'body'>): string[] {
  const { columns } = body;
  if (!Array.isArray(columns)) return [];
  return columns.flatMap((column) => (isObject(column) && typeof column.name === 'string' ? [column.name] : []));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
