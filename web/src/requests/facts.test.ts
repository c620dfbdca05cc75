import { expect, test } from 'vitest';
import { columnsOf, factsOf } from './facts';
import { aRequest } from './request.sample';

test('the facts of a request are those that it has', () => {
  const body = {
    principal: { name: 'analyst', user_id: 'u-1' },
    classification: 'Confidential',
    description: '',
    terms: { row_filter: "region = 'North'", hidden_columns: ['income', 'age'] },
  };
  expect(factsOf(aRequest({ body, asset: 'marketing.households', ends_on: '2027-01-31' }))).toEqual([
    { label: 'For', value: 'analyst' },
    { label: 'Data', value: 'marketing.households' },
    { label: 'Classification', value: 'Confidential' },
    { label: 'Until', value: '2027-01-31' },
    { label: 'Only rows where', value: "region = 'North'" },
    { label: 'Hidden columns', value: 'income, age' },
  ]);
});

test('only requests for data have columns to hide', () => {
  expect(columnsOf({ body: { columns: [{ name: 'income', type: 'string' }, { name: 'age' }] } })).toEqual([
    'income',
    'age',
  ]);
  expect(columnsOf({ body: { profile: 'business-dev-profile' } })).toEqual([]);
});
