import { expect, test } from 'vitest';
import { matchesOf } from './matches';

test('each place where the text was found is named once, in words', () => {
  const matched = [
    { field: 'name', text: 'campaigns' },
    { field: 'GlueTableForm.tableName', text: 'campaigns' },
    { field: 'GlueTableForm.columns.columnName', text: 'campaign_id' },
    { field: 'readMe', text: 'about campaigns' },
  ];
  expect(matchesOf({ matched })).toEqual(['Name: campaigns', 'Column: campaign_id', 'readMe: about campaigns']);
});
