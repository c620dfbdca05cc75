import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { Listing } from '../api/client';
import { useFollow } from '../shell/follow';
import { Loading } from '../shell/Loading';
import { ProblemAlert } from '../shell/ProblemAlert';
import { usePageTitle } from '../shell/page-title';
import { Access } from './Access';
import { listingQuery } from './queries';
import { RequestAccess } from './RequestAccess';

/** Something published: what it holds, who owns it, whether I have access, and how to ask for it. */
export function ListingPage() {
  const { id } = useParams({ from: '/catalog/$id' });
  const listing = useQuery(listingQuery(id));
  usePageTitle(listing.data?.name ?? 'Catalog');
  if (listing.error) return <ProblemAlert problem={listing.error} onRetry={() => listing.refetch()} />;
  if (listing.isPending) return <Loading what="listing" />;
  return <Details listing={listing.data} />;
}

function Details({ listing }: { listing: Listing }) {
  const follow = useFollow();
  const [isAsking, setAsking] = useState(false);
  return (
    <ContentLayout
      breadcrumbs={
        <BreadcrumbGroup
          onFollow={follow}
          items={[
            { text: 'Catalog', href: '/catalog' },
            { text: listing.name, href: `/catalog/${listing.listing_id}` },
          ]}
        />
      }
      header={
        <Header
          variant="h1"
          description={listing.description}
          actions={
            listing.access === 'can_request' && (
              <Button variant="primary" onClick={() => setAsking(true)}>
                Request access
              </Button>
            )
          }
        >
          {listing.name}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">About</Header>}>
          <KeyValuePairs
            columns={4}
            items={[
              { label: 'Access', value: <Access access={listing.access} /> },
              { label: 'Owned by', value: listing.owning_project },
              { label: 'Domain unit', value: listing.domain_unit ?? 'None' },
              { label: 'Classification', value: listing.classification ?? 'None' },
            ]}
          />
        </Container>
        <Table
          items={listing.columns}
          trackBy="name"
          wrapLines
          ariaLabels={{ tableLabel: 'Columns' }}
          header={
            <Header variant="h2" counter={`(${listing.columns.length})`}>
              Columns
            </Header>
          }
          empty="It has no columns."
          columnDefinitions={[
            { id: 'name', header: 'Name', isRowHeader: true, cell: ({ name }) => name },
            { id: 'type', header: 'Type', cell: ({ type }) => type },
            { id: 'description', header: 'Description', cell: ({ description }) => description },
          ]}
        />
      </SpaceBetween>
      {isAsking && <RequestAccess listing={listing} onClose={() => setAsking(false)} />}
    </ContentLayout>
  );
}
