import AppLayout from '@cloudscape-design/components/app-layout';
import Box from '@cloudscape-design/components/box';
import SideNavigation from '@cloudscape-design/components/side-navigation';
import Spinner from '@cloudscape-design/components/spinner';
import TopNavigation from '@cloudscape-design/components/top-navigation';
import { useQuery } from '@tanstack/react-query';
import { Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { ApiProblem, api, type Me, unwrap } from '../api/client';
import { ProblemAlert } from './ProblemAlert';
import { SignIn } from './SignIn';

/** Every page's frame: who is signed in, the menu, the page. */
export function Shell() {
  const me = useQuery({ queryKey: ['me'], queryFn: async () => unwrap(await api.GET('/api/me')), retry: false });
  if (me.isPending) return <Loading />;
  if (me.error instanceof ApiProblem && me.error.status === 401) return <SignIn />;
  if (me.error) return <ProblemAlert problem={me.error} />;
  return <SignedIn me={me.data} />;
}

function Loading() {
  return (
    <Box textAlign="center" margin="xxxl">
      <Spinner size="large" />
    </Box>
  );
}

async function signOut() {
  await api.POST('/api/logout');
  window.location.assign('/');
}

function SignedIn({ me }: { me: Me }) {
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const follow = (event: CustomEvent<{ href?: string; external?: boolean }>) => {
    if (!event.detail.href || event.detail.external) return;
    event.preventDefault();
    navigate({ to: event.detail.href });
  };
  return (
    <>
      <TopNavigation
        identity={{
          href: '/',
          title: 'Twinplane',
          onFollow: (event) => {
            event.preventDefault();
            navigate({ to: '/' });
          },
        }}
        utilities={[
          {
            type: 'menu-dropdown',
            text: me.display_name,
            description: me.name,
            iconName: 'user-profile',
            items: [{ id: 'sign-out', text: 'Sign out' }],
            onItemClick: ({ detail }) => detail.id === 'sign-out' && signOut(),
          },
        ]}
      />
      <AppLayout
        toolsHide
        navigation={
          <SideNavigation
            activeHref={pathname}
            onFollow={follow}
            items={[
              { type: 'link', text: 'My requests', href: '/' },
              { type: 'link', text: 'Request a project', href: '/request-project' },
            ]}
          />
        }
        content={<Outlet />}
      />
    </>
  );
}
