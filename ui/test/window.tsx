// The whole window over a fake program, as a user meets it.
import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import axe from 'axe-core';
import { StrictMode } from 'react';
import { expect } from 'vitest';
import { App } from '../clinician/frame/App.tsx';
import { FakeClinic, type Setting } from './fake/clinic.ts';

/** Opens the window. */
export function openWindow(setting: Setting = {}) {
  const fake = new FakeClinic(setting).install();
  const user = userEvent.setup();
  const view = render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
  return { fake, user, ...view };
}

/** No serious or critical violation. Colours need layout: the pictures check those. */
export async function expectAccessible(): Promise<void> {
  const { violations } = await axe.run(document.body, {
    resultTypes: ['violations'],
    rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
  });
  const serious = violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
  expect(serious).toEqual([]);
}
