import '@fontsource-variable/inter/wght.css';
import '../shared/theme/parts.css';
import '@mantine/dates/styles.css';
import '@mantine/notifications/styles.css';
import '../shared/theme/tokens.css';
import '../shared/theme/mantine.css';
import '../shared/theme/base.css';
import '../shared/locale.ts';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import type { SessionView } from '../shared/bindings.ts';
import { ipc } from '../shared/ipc.ts';
import { prepareWords } from '../shared/words/index.ts';
import { App } from './frame/App.tsx';

// Asked before anything is drawn, so that the first picture is the right one and the only one.
// The window asks again as soon as it listens: what changed in between is not missed.
ipc.sessionView().then(draw, () => draw(null));

prepareWords();

function draw(view: SessionView | null) {
  const root = document.getElementById('rounds');
  if (root) {
    createRoot(root).render(
      <StrictMode>
        <App first={view} />
      </StrictMode>,
    );
  }
}
