import AppLayout from '@cloudscape-design/components/app-layout';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import TopNavigation from '@cloudscape-design/components/top-navigation';
import { usePageTitle } from './page-title';

/** Shown to whoever is not signed in; the button goes to the organization's OpenID Connect provider and back here. */
export function SignIn() {
  usePageTitle('Sign in');
  const next = encodeURIComponent(window.location.pathname + window.location.search);
  return (
    <>
      <TopNavigation identity={{ href: '/', title: 'Twinplane' }} />
      <AppLayout
        navigationHide
        toolsHide
        maxContentWidth={640}
        content={
          <Box padding={{ top: 'xxxl' }}>
            <Container header={<Header variant="h1">Sign in</Header>}>
              <SpaceBetween size="m">
                <Box variant="p">Find data, ask for access, and work on it in a project, under your own name.</Box>
                <Button variant="primary" href={`/api/login?next=${next}`}>
                  Sign in
                </Button>
              </SpaceBetween>
            </Container>
          </Box>
        }
      />
    </>
  );
}
