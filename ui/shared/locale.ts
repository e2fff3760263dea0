// The language of the desktop, made usable before anything asks for it: a desktop without one
// (`LANG=C`) is reported by the webview as `c`, and libraries that hand that to `Intl` while
// they load would take the screen with them.
import { usableLocale } from './time.ts';

const usable = usableLocale(navigator.languages);
if (usable !== navigator.language) {
  Object.defineProperty(navigator, 'language', { configurable: true, get: () => usable });
  Object.defineProperty(navigator, 'languages', { configurable: true, get: () => [usable] });
}
