import Box from '@cloudscape-design/components/box';
import Header from '@cloudscape-design/components/header';
import Icon from '@cloudscape-design/components/icon';
import Input from '@cloudscape-design/components/input';
import Table from '@cloudscape-design/components/table';
import type { Profile } from '../api/client';
import { type Changes, type Row, rowsOf, withChange } from './parameters';

type Props = { profile: Profile; changes: Changes; onChange: (changes: Changes) => void };

/** What the profile sets: what it locks is shown as locked, what it leaves open can be changed. */
export function Parameters({ profile, changes, onChange }: Props) {
  const value = (row: Row) =>
    row.editable ? (
      <Input
        ariaLabel={`${row.name} of ${row.environment}`}
        value={changes[row.environment]?.[row.name] ?? row.value}
        onChange={({ detail }) => onChange(withChange(changes, row, detail.value))}
      />
    ) : (
      <Box variant="code">{row.value}</Box>
    );
  return (
    <Table
      variant="embedded"
      items={rowsOf(profile)}
      trackBy={(row) => `${row.environment}/${row.name}`}
      ariaLabels={{ tableLabel: `What ${profile.name} sets` }}
      header={
        <Header variant="h3" description="Locked values are the same for every project of this profile.">
          What it sets
        </Header>
      }
      empty="This profile sets nothing."
      columnDefinitions={[
        { id: 'environment', header: 'Environment', cell: (row) => row.environment },
        { id: 'name', header: 'Parameter', isRowHeader: true, cell: (row) => row.name },
        { id: 'value', header: 'Value', cell: value },
        {
          id: 'locked',
          header: 'May be changed',
          cell: (row) =>
            row.editable ? (
              'Yes'
            ) : (
              <>
                <Icon name="lock-private" /> Locked
              </>
            ),
        },
      ]}
    />
  );
}
