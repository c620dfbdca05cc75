import { expect, test } from 'vitest';
import { approvalOf, rowsOf, withChange } from './parameters';

const environments = [
  { name: 'Tooling', blueprint: 'Tooling', mode: 'ON_CREATE', parameters: [] },
  {
    name: 'Lakehouse Database',
    blueprint: 'DataLake',
    mode: 'ON_CREATE',
    parameters: [{ name: 'glueDbName', value: 'glue_db', editable: true }],
  },
];

test('only what differs from the profile is a change', () => {
  const row = rowsOf({ environments })[0];
  if (!row) throw new Error('there is one');
  const changed = withChange({}, row, 'my_lake');
  expect(changed).toEqual({ 'Lakehouse Database': { glueDbName: 'my_lake' } });
  expect(withChange(changed, row, 'glue_db')).toEqual({ 'Lakehouse Database': {} });
});

test.each([
  [[], 'Approved at once.'],
  [['owner', 'platform_admin'], 'Must be approved by the owner, then the platform admin.'],
])('who must agree to a project is said in words', (approvers, sentence) => {
  expect(approvalOf({ approvers })).toBe(sentence);
});
