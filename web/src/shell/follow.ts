import { useRouter } from '@tanstack/react-router';

type Followed = CustomEvent<{ href?: string; external?: boolean }>;

/** Goes to a page of the app without loading the app again. For `onFollow` of any component that has links. */
export function useFollow(): (event: Followed) => void {
  const { history } = useRouter();
  return (event) => {
    const { href, external } = event.detail;
    if (!href || external) return;
    event.preventDefault();
    history.push(href);
  };
}
