import { applyMode, Mode } from '@cloudscape-design/global-styles';

/** Shows the app in the system's light or dark scheme, and follows it when it changes. */
export function followColourScheme(): void {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const apply = () => applyMode(dark.matches ? Mode.Dark : Mode.Light);
  dark.addEventListener('change', apply);
  apply();
}
