import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { fault, type Setting } from './fake/clinic.ts';
import { expectAccessible, openWindow } from './window.tsx';

async function talking(setting: Setting = {}) {
  const opened = openWindow({ visit: 'waiting', ...setting });
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

  it('t1 shows what was chosen, says so wherever the user goes, and stops', async () => {
    const { user, fake } = await talking();
    await user.click(await screen.findByTestId('visit-share'));
    const sources = await screen.findAllByTestId('visit-share-source');
    expect(sources.map((one) => one.textContent)).toEqual([
      'Window: Chest, 12 May 2026 – Image viewer',
      'Window: Rounds',
      'Whole screen: HDMI-1',
    ]);
    expect(fake.count('share_screen')).toBe(0);
    await expectAccessible();
    await user.click(sources[0] as HTMLElement);
    await screen.findByTestId('visit-shown');
    expect(fake.calls.find((call) => call.command === 'share_screen')?.args.id).toBe('window:1');
    expect(screen.queryByTestId('visit-share')).toBeNull();
    await expectAccessible();
    // The panel gives way to another one: the dock says it.
    await user.click(screen.getByTestId('chart-vitals'));
    const dock = await screen.findByTestId('visit-dock');
    expect((await within(dock).findByTestId('visit-shown')).textContent).toContain('Chest, 12 May');
    await user.click(within(dock).getByTestId('visit-share-stop'));
    await waitFor(() => expect(screen.queryByTestId('visit-shown')).toBeNull());
    expect(fake.count('stop_sharing')).toBe(1);
  });

  it('t1 says beside the choice why nothing can be shown', async () => {
    const { user } = await talking({ faults: { share_screen: fault('share-failed') } });
    await user.click(await screen.findByTestId('visit-share'));
    await user.click((await screen.findAllByTestId('visit-share-source'))[2] as HTMLElement);
    expect((await screen.findByTestId('fault')).textContent).toContain('share-failed');
    expect(screen.queryByTestId('visit-shown')).toBeNull();
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
