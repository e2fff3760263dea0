// Guests of a video visit, as the clinician meets them.
import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { fault, type Setting } from './fake/clinic.ts';
import { expectAccessible, openWindow } from './window.tsx';

async function visits(setting: Setting) {
  const opened = openWindow({ visit: 'waiting', ...setting });
  await opened.user.click(await screen.findByTestId('rail-visits'));
  await screen.findByTestId('visit-row');
  return opened;
}

/** The panel, with the patient in the call or in the waiting room. */
async function panel(setting: Setting = {}, patient: 'in' | 'waiting' = 'in') {
  const opened = await visits(setting);
  await opened.user.click(screen.getByTestId(patient === 'in' ? 'visit-admit' : 'visit-open'));
  await screen.findByTestId('guests');
  if (patient === 'in') {
    await screen.findByTestId('visit-mute');
  }
  return opened;
}

/** The guest of this kind. */
function guest(kind: string): HTMLElement {
  const found = screen.getAllByTestId('guest').find((one) => one.dataset.kind === kind);
  if (!found) {
    throw new Error(kind);
  }
  return found;
}

async function choose(user: Awaited<ReturnType<typeof panel>>['user'], kind: string) {
  await user.click(screen.getByTestId('guest-kind'));
  await user.click(await screen.findByText(kind, { selector: '[role=option] *' }));
}

function made(): HTMLButtonElement {
  return screen.getByTestId('guest-link-make');
}

describe('guests of a video visit', () => {
  it('t1 makes a link for a guest only when the patient agrees, and shows it once', async () => {
    const { user, fake } = await panel();
    const begin = screen.getByTestId('guest-invite');
    await user.click(begin);
    await waitFor(() => expect(document.activeElement).toBe(screen.getByTestId('guest-kind')));
    expect(made().disabled).toBe(true);
    await choose(user, 'Interpreter');
    expect(made().disabled).toBe(true);
    await user.click(screen.getByTestId('guest-agreed'));
    expect(made().disabled).toBe(false);
    // Another person: the patient is asked anew.
    await choose(user, 'Family or friend');
    expect(made().disabled).toBe(true);
    await user.click(screen.getByTestId('guest-agreed'));
    await expectAccessible();
    await user.click(made());
    const link = await screen.findByTestId<HTMLInputElement>('guest-link');
    expect(link.value).toContain('/visit/#');
    await waitFor(() => expect(document.activeElement).toBe(link));
    expect(screen.getByText('Give this to the family member or friend')).toBeTruthy();
    expect(fake.calls.find((call) => call.command === 'invite_guest')?.args).toEqual({
      appointment: 'app-0-0-11',
      kind: 'family',
      agreed: true,
    });
    await waitFor(() => expect(guest('family').dataset.stage).toBe('invited'));
    await expectAccessible();
    await user.click(screen.getByText('Done'));
    expect(screen.queryByTestId('guest-link')).toBeNull();
    await waitFor(() => expect(document.activeElement).toBe(screen.getByTestId('guest-invite')));
  });

  it('t1 leaves the form by keyboard, and says why no link came', async () => {
    const { user, fake } = await panel({ faults: { invite_guest: fault('offline') } });
    screen.getByTestId('guest-invite').focus();
    await user.keyboard('{Enter}');
    await choose(user, 'Another person');
    await user.click(screen.getByTestId('guest-agreed'));
    await user.click(made());
    expect((await screen.findByTestId('fault')).textContent).toContain('offline');
    expect(screen.queryByTestId('guest-link')).toBeNull();
    expect(fake.count('invite_guest')).toBe(1);
    within(screen.getByTestId('guest-form')).getByText('Cancel').closest('button')?.focus();
    await user.keyboard('{Enter}');
    expect(screen.queryByTestId('guest-form')).toBeNull();
    await waitFor(() => expect(document.activeElement).toBe(screen.getByTestId('guest-invite')));
  });

  it('t1 keeps the last link in sight when no more guests are taken', async () => {
    const { user } = await panel({ guests: ['waiting', 'invited'] });
    await user.click(screen.getByTestId('guest-invite'));
    await choose(user, 'Another person');
    await user.click(screen.getByTestId('guest-agreed'));
    await user.click(made());
    await screen.findByTestId('guest-full');
    expect(screen.getByTestId('guest-link')).toBeTruthy();
    expect(screen.queryByTestId('guest-invite')).toBeNull();
    await user.click(screen.getByText('Done'));
    expect(screen.getByTestId('guest-full').textContent).toContain('three guests at most');
    await expectAccessible();
  });

  it('t1 asks guests in after the patient and not before', async () => {
    const { user, fake } = await panel({ guests: ['waiting', 'invited'] }, 'waiting');
    expect(screen.getByTestId('guests-after').textContent).toContain('after the patient');
    expect(screen.queryByTestId('guest-ask-in')).toBeNull();
    await expectAccessible();
    await user.click(screen.getByTestId('visit-ask-in'));
    const ask = await screen.findByTestId('guest-ask-in');
    // The one who is not there cannot be asked in.
    expect(screen.getAllByTestId('guest-ask-in')).toHaveLength(1);
    expect(screen.queryByTestId('guests-after')).toBeNull();
    expect(screen.queryByTestId('guest-back')).toBeNull();
    await user.click(ask);
    await waitFor(() => expect(guest('interpreter').dataset.stage).toBe('talking'));
    expect(fake.calls.find((call) => call.command === 'admit_guest')?.args).toEqual({
      appointment: 'app-0-0-11',
      guest: 'guest-0',
    });
    const tile = await screen.findByTestId('guest-tile');
    expect(tile.textContent).toContain('Interpreter');
    expect(within(tile).getByTestId('guest-level').dataset.level).toBe('30');
    await waitFor(() =>
      expect(fake.calls.find((call) => call.command === 'guest_picture')?.args.guest).toBe(
        'guest-0',
      ),
    );
    await expectAccessible();
    await user.click(screen.getByTestId('guest-back'));
    await waitFor(() => expect(screen.queryByTestId('guest-tile')).toBeNull());
    expect(fake.count('end_guest_call')).toBe(1);
    await waitFor(() => expect(guest('interpreter').dataset.stage).toBe('waiting'));
  });

  it('t2 says how a guest stands who does not talk, and asks in again', async () => {
    const { fake } = await panel({ guests: ['talking', 'talking'] });
    expect(await screen.findAllByTestId('guest-tile')).toHaveLength(2);
    fake.tellGuests((all) =>
      all.map((one) => (one.kind === 'family' ? { ...one, stage: 'interrupted' } : one)),
    );
    expect((await screen.findByTestId('guest-standing')).textContent).toContain('Interrupted');
    const again = await screen.findByTestId('guest-ask-in');
    expect(again.getAttribute('aria-label')).toBe('Ask in again: Family or friend, أمينة');
    await expectAccessible();
  });

  it('t2 asks in again whom this computer talked with before it was started anew', async () => {
    const { user, fake } = await panel({ guests: ['talking'] });
    await screen.findByTestId('guest-tile');
    expect(screen.queryByTestId('guest-ask-in')).toBeNull();
    fake.call = fake.call && { ...fake.call, guests: [] };
    await user.click(await screen.findByTestId('guest-ask-in'));
    expect(fake.count('admit_guest')).toBe(1);
  });

  it('t1 puts the link away once the guest is there, and takes the focus from nowhere', async () => {
    const { user, fake } = await panel();
    await user.click(screen.getByTestId('guest-invite'));
    await choose(user, 'Interpreter');
    await user.click(screen.getByTestId('guest-agreed'));
    await user.click(made());
    await screen.findByTestId('guest-link');
    screen.getByTestId('visit-mute').focus();
    fake.tellGuests((all) => all.map((one) => ({ ...one, stage: 'waiting' })));
    await waitFor(() => expect(screen.queryByTestId('guest-link')).toBeNull());
    expect(document.activeElement).toBe(screen.getByTestId('visit-mute'));
  });

  it('t1 dismisses a guest when asked twice', async () => {
    const { user, fake } = await panel({ guests: ['waiting', 'invited'] });
    const interpreter = within(guest('interpreter'));
    await user.click(interpreter.getByTestId('guest-dismiss'));
    await waitFor(() => expect(document.activeElement?.textContent).toBe('Cancel'));
    await user.keyboard('{Enter}');
    await waitFor(() =>
      expect(document.activeElement).toBe(interpreter.getByTestId('guest-dismiss')),
    );
    expect(fake.count('dismiss_guest')).toBe(0);
    await user.click(interpreter.getByTestId('guest-dismiss'));
    await expectAccessible();
    await user.click(interpreter.getByTestId('guest-dismiss-sure'));
    await waitFor(() => expect(screen.getAllByTestId('guest')).toHaveLength(1));
    expect(fake.calls.find((call) => call.command === 'dismiss_guest')?.args.guest).toBe('guest-0');
    expect(document.activeElement).toBe(screen.getByTestId('guests'));
    expect(within(guest('family')).getByTestId('guest-dismiss').textContent).toBe(
      'Take the link back',
    );
  });

  it('t1 says the kind before a name that nobody vouches for', async () => {
    await panel({ guests: ['waiting'] });
    const shown = guest('interpreter').textContent ?? '';
    expect(shown.indexOf('Interpreter')).toBeLessThan(shown.indexOf('Maria Ortega'));
    expect(within(guest('interpreter')).getByTestId('guest-said').textContent).toBe(
      'Typed the name Maria Ortega',
    );
    expect(within(guest('interpreter')).getByText('Maria Ortega').tagName).toBe('BDI');
  });

  it('t1 shows in the list who waits, and counts those who can be asked in', async () => {
    const { user, fake } = await visits({ guests: ['waiting', 'invited', 'waiting'] });
    const row = screen.getByTestId('visit-row');
    expect(within(row).getAllByTestId('visit-guest-waits')[0]?.textContent).toMatch(
      /^Interpreter waits · \d+ min$/,
    );
    // The patient is first, and alone can be asked in.
    expect(screen.getByTestId('rail-count-visits').textContent).toContain('1');
    await expectAccessible();
    await user.click(within(row).getByTestId('visit-open'));
    await screen.findByTestId('guests');
    await fake.invoke('admit_to_visit', {});
    await waitFor(() => expect(screen.getByTestId('rail-count-visits').textContent).toContain('2'));
  });

  it('t1 says who sees what is shown, and in the corner how many are there', async () => {
    const { user } = await panel({ guests: ['talking', 'talking', 'waiting'] });
    await screen.findAllByTestId('guest-tile');
    await user.click(screen.getByTestId('visit-share'));
    await user.click((await screen.findAllByTestId('visit-share-source'))[0] as HTMLElement);
    expect((await screen.findByTestId('visit-shown')).textContent).toContain(
      'Everybody in the call sees this',
    );
    await user.click(screen.getByTestId('chart-vitals'));
    const dock = await screen.findByTestId('visit-dock');
    expect(within(dock).getByTestId('visit-dock-guests').textContent).toBe('2 guests in the call');
    expect(within(dock).getByTestId('visit-guest-waits').textContent).toContain(
      'Clinician or carer waits',
    );
    await expectAccessible();
  });
});
