import Box from '@cloudscape-design/components/box';
import { PageLink } from './PageLink';
import { usePageTitle } from './page-title';

/** For an address that is none of the app's. */
export function NotFound() {
  usePageTitle('Not found');
  return (
    <Box padding="xxl" textAlign="center">
      <Box variant="h1">There is no such page</Box>
      <Box variant="p">
        Go to{' '}
        <PageLink variant="primary" href="/requests">
          your requests
        </PageLink>
        , or search the{' '}
        <PageLink variant="primary" href="/catalog">
          catalog
        </PageLink>
        .
      </Box>
    </Box>
  );
}
