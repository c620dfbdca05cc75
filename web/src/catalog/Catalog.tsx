import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { PageLink } from '../shell/PageLink';
import { ProblemAlert } from '../shell/ProblemAlert';
import { usePageTitle } from '../shell/page-title';
import { Access } from './Access';
import { matchesOf } from './matches';
import { searchQuery } from './queries';

/** Finds published data by its name, description or columns. The address holds what was searched for. */
export function Catalog() {
  usePageTitle('Catalog');
  const { q = '' } = useSearch({ from: '/catalog' });
  const navigate = useNavigate();
  const [text, setText] = useState(q);
  const found = useQuery(searchQuery(q));
  const search = (wanted: string) => {
    setText(wanted);
    navigate({ to: '/catalog', search: wanted ? { q: wanted } : {}, replace: true });
  };
  if (found.error) return <ProblemAlert problem={found.error} onRetry={() => found.refetch()} />;
  return (
    <Table
      variant="full-page"
      enableKeyboardNavigation
      wrapLines
      loading={found.isPending}
      loadingText="Searching"
      items={found.data ?? []}
      trackBy="listing_id"
      ariaLabels={{ tableLabel: 'Catalog' }}
      header={
        <Header variant="awsui-h1-sticky" counter={found.data && `(${found.data.length})`}>
          Catalog
        </Header>
      }
      filter={
        <TextFilter
          filteringText={text}
          filteringAriaLabel="Search the catalog"
          filteringPlaceholder="Name, description or column"
          onChange={({ detail }) => setText(detail.filteringText)}
          onDelayedChange={({ detail }) => search(detail.filteringText)}
        />
      }
      empty={
        q ? (
          <SpaceBetween size="s">
            <Box variant="p">Nothing that is published has “{q}” in its name, description or columns.</Box>
            <Button onClick={() => search('')}>Show everything</Button>
          </SpaceBetween>
        ) : (
          'Nothing is published yet.'
        )
      }
      columnDefinitions={[
        {
          id: 'name',
          header: 'Name',
          isRowHeader: true,
          minWidth: 240,
          cell: ({ listing_id, name, description }) => (
            <>
              <PageLink href={`/catalog/${listing_id}`}>{name}</PageLink>
              <Box variant="small" color="text-body-secondary" display="block">
                {description}
              </Box>
            </>
          ),
        },
        { id: 'project', header: 'Owned by', cell: ({ owning_project }) => owning_project },
        { id: 'level', header: 'Classification', cell: ({ classification }) => classification ?? 'None' },
        {
          id: 'matched',
          header: 'Found in',
          minWidth: 240,
          cell: (found) => matchesOf(found).map((place) => <div key={place}>{place}</div>),
        },
        { id: 'access', header: 'Access', minWidth: 160, cell: ({ access }) => <Access access={access} /> },
      ]}
    />
  );
}
