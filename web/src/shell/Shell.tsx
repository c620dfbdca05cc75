import AppLayout from '@cloudscape-design/components/app-layout';
import Badge from '@cloudscape-design/components/badge';
import SideNavigation from '@cloudscape-design/components/side-navigation';
import TopNavigation from '@cloudscape-design/components/top-navigation';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { api, type Me, unwrap } from '../api/client';
import { sessionQuery } from '../api/queries';
import { requestsQuery } from '../requests/queries';
import { useFollow } from './follow';
import { Loading } from './Loading';
import { ProblemAlert } from './ProblemAlert';
import { SignIn } from './SignIn';

/** Every page's frame: who is signed in, the menu, the page. */
export function Shell() {
  const session = useQuery(sessionQuery);
  if (session.isPending) return <Loading what="app" />;
  if (session.error) return <ProblemAlert problem={session.error} onRetry={() => session.refetch()} />;
  return session.data ? <SignedIn me={session.data} /> : <SignIn />;
}

function SignedIn({ me }: { me: Me }) {
  return (
    <>
      <TopBar me={me} />
      <AppLayout headerSelector="#top-bar" toolsHide navigation={<Menu />} content={<Page />} />
    </>
  );
}

/** The page itself. Whoever goes to another one by keyboard goes on from its beginning. */
function Page() {
  const { pathname } = useLocation();
  const page = useRef<HTMLDivElement>(null);
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current !== pathname) page.current?.focus();
    shown.current = pathname;
  }, [pathname]);
  return (
    <div ref={page} tabIndex={-1} className="page">
      <Outlet />
    </div>
  );
}

function TopBar({ me }: { me: Me }) {
  const navigate = useNavigate();
  const signOut = useMutation({
    mutationFn: async () => unwrap(await api.POST('/api/logout')),
    onSettled: () => window.location.assign('/'),
  });
  return (
    <div id="top-bar" className="top-bar">
      <TopNavigation
        identity={{
          href: '/requests',
          title: 'Twinplane',
          onFollow: (event) => {
            event.preventDefault();
            navigate({ to: '/requests' });
          },
        }}
        utilities={[
          {
            type: 'menu-dropdown',
            text: me.display_name,
            description: me.name,
            iconName: 'user-profile',
            items: [{ id: 'sign-out', text: 'Sign out' }],
            onItemClick: ({ detail }) => detail.id === 'sign-out' && signOut.mutate(),
          },
        ]}
      />
    </div>
  );
}

function Menu() {
  const { pathname } = useLocation();
  const inbox = useQuery({ ...requestsQuery('inbox'), refetchInterval: 15_000 });
  const waiting = inbox.data?.length ?? 0;
  return (
    <SideNavigation
      activeHref={pathname.startsWith('/catalog/') ? '/catalog' : pathname}
      onFollow={useFollow()}
      items={[
        { type: 'section-group', title: 'Discover', items: [{ type: 'link', text: 'Catalog', href: '/catalog' }] },
        {
          type: 'section-group',
          title: 'Projects',
          items: [
            { type: 'link', text: 'My requests', href: '/requests' },
            { type: 'link', text: 'Request a project', href: '/projects/new' },
          ],
        },
        {
          type: 'section-group',
          title: 'Govern',
          items: [
            {
              type: 'link',
              text: 'Inbox',
              href: '/inbox',
              info: waiting > 0 && <Badge color="blue">{waiting} waiting</Badge>,
            },
          ],
        },
      ]}
    />
  );
}
