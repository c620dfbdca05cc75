import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { usePageTitle } from './page-title';

/** Shown to whoever is not signed in; the button goes to the organization's OpenID Connect provider and back here. */
export function SignIn() {
  usePageTitle('Sign in');
  const next = encodeURIComponent(window.location.pathname + window.location.search);
  return (
    <main>
      <Box padding="xxxl">
        <Grid
          gridDefinition={[{ colspan: { default: 12, s: 8, m: 6, l: 4 }, offset: { default: 0, s: 2, m: 3, l: 4 } }]}
        >
          <Container header={<Header variant="h1">Twinplane</Header>}>
            <SpaceBetween size="l">
              <Box variant="p">Find data, ask for access, and work on it in a project, under your own name.</Box>
              <Button variant="primary" fullWidth href={`/api/login?next=${next}`}>
                Sign in
              </Button>
            </SpaceBetween>
          </Container>
        </Grid>
      </Box>
    </main>
  );
}
