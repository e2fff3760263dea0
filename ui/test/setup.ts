import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeEach, vi } from 'vitest';
import { showOverlay } from '../clinician/frame/overlays.ts';
import { prepareWords } from '../shared/words/index.ts';
import { NOW } from './fake/people.ts';

prepareWords();
// A busy machine draws later, not wrongly.
configure({ asyncUtilTimeout: 15_000 });

// What jsdom lacks and Mantine, the calendar or the virtual list ask for.
class Observer {
  observe() {}
  unobserve() {}
  disconnect() {}
}
vi.stubGlobal('ResizeObserver', Observer);
vi.stubGlobal('IntersectionObserver', Observer);
vi.stubGlobal('matchMedia', (query: string) => ({
  matches: query.includes('reduce'),
  media: query,
  addEventListener: () => {},
  removeEventListener: () => {},
  addListener: () => {},
  removeListener: () => {},
}));
Element.prototype.scrollIntoView = () => {};
Element.prototype.scrollTo = () => {};
document.elementFromPoint = () => null;
// A canvas that takes every stroke and keeps none.
const strokes = new Proxy(
  {},
  {
    get: (_, name) => (name === 'measureText' ? () => ({ width: 8 }) : () => undefined),
    set: () => true,
  },
);
HTMLCanvasElement.prototype.getContext = (() =>
  strokes) as unknown as HTMLCanvasElement['getContext'];
vi.stubGlobal(
  'Path2D',
  class {
    moveTo() {}
    lineTo() {}
    rect() {}
    arc() {}
    addPath() {}
    closePath() {}
  },
);
Object.defineProperty(document, 'fonts', {
  value: { addEventListener: () => {}, removeEventListener: () => {}, ready: Promise.resolve() },
});
// A virtual list draws what fits; jsdom has no layout, so it is given one.
Object.defineProperty(HTMLElement.prototype, 'clientHeight', { get: () => 600 });
Object.defineProperty(HTMLElement.prototype, 'clientWidth', { get: () => 900 });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOW) });
});

afterEach(() => {
  cleanup();
  showOverlay(null);
  localStorage.clear();
  vi.useRealTimers();
});
