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
import { prepareWords } from '../shared/words/index.ts';
import { App } from './frame/App.tsx';

prepareWords();

const root = document.getElementById('rounds');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
