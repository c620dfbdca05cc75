import type { Found } from '../api/client';

/** Where the data plane's search looks, in words; the last part of a field's name tells. */
const WORDS: Record<string, string> = {
  name: 'Name',
  tableName: 'Name',
  description: 'Description',
  tableDescription: 'Description',
  columnName: 'Column',
  businessName: 'Column',
  columnDescription: 'Column description',
};

/** Where the text was found, each place once: `Column: campaign_id`. */
export function matchesOf({ matched }: Pick<Found, 'matched'>): string[] {
  const places = matched.map(({ field, text }) => `${WORDS[field.split('.').at(-1) ?? field] ?? field}: ${text}`);
  return [...new Set(places)];
}
