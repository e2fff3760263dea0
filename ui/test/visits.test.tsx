import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { expectAccessible, openWindow } from './window.tsx';

async function talking() {
  const opened = openWindow({ visit: 'waiting' });
  await opened.user.click(await screen.findByTestId('rail-visits'));
  await opened.user.click(await screen.findByTestId('visit-admit'));
  await screen.findByTestId('visit-mute');
  return opened;
}

describe('a video visit', () => {
  it('t2 says which device went and what is used instead, and lists what is left', async () => {
    const { fake } = await talking();
    const menu = () =>
      within(screen.getByTestId('visit-panel')).getByRole('combobox', {
        name: 'Microphone',
      }) as HTMLInputElement;
    await waitFor(() => expect(menu().value).toBe('USB headset'));
    expect(screen.queryByTestId('visit-trouble')).toBeNull();
    fake.pullHeadset();
    await waitFor(() => expect(screen.getAllByTestId('visit-trouble')).toHaveLength(2));
    expect(screen.getAllByTestId('visit-trouble')[1]?.textContent).toBe(
      'USB headset is not there any more. In use now: Built-in microphone.',
    );
    await waitFor(() => expect(menu().value).toBe('Built-in microphone'));
    await expectAccessible();
  });

  it('t2 comes back from mute by the microphone that was chosen', async () => {
    const { user, fake } = await talking();
    const mute = screen.getByTestId('visit-mute');
    await user.click(mute);
    await waitFor(() => expect(mute.getAttribute('aria-pressed')).toBe('true'));
    await user.click(mute);
    await waitFor(() => expect(mute.getAttribute('aria-pressed')).toBe('false'));
    const chosen = fake.calls.filter((call) => call.command === 'choose_device');
    expect(chosen.map((call) => call.args.id)).toEqual([null, 'headset']);
  });
});
