import { notifications } from '@mantine/notifications';
import { screen, waitFor } from '@testing-library/react';
import { act } from 'react';
import { describe, expect, it } from 'vitest';
import { fault } from './fake/clinic.ts';
import { expectAccessible, openWindow } from './window.tsx';

describe('first start', () => {
  it('says what is missing, beside the field, before it asks the server', async () => {
    const { user, fake } = openWindow({ phase: 'first-start' });
    await user.click(await screen.findByTestId('sign-in-submit'));
    expect(screen.getByText('Enter your sign-in name')).toBeTruthy();
    expect(screen.getByText('Enter the six digits')).toBeTruthy();
    expect(fake.count('enrol')).toBe(0);
    await expectAccessible();
  });

  it('enrols with what was typed and opens Today', async () => {
    const { user, fake } = openWindow({ phase: 'first-start' });
    await user.type(await screen.findByTestId('sign-in-username'), ' mlindqvist ');
    await user.type(screen.getByTestId('sign-in-password'), 'correct horse');
    await user.type(screen.getByTestId('sign-in-code'), '123 456');
    await user.click(screen.getByTestId('sign-in-submit'));
    expect(await screen.findByTestId('today')).toBeTruthy();
    expect(fake.calls.find((call) => call.command === 'enrol')?.args.form).toMatchObject({
      username: 'mlindqvist',
      code: '123456',
    });
  });

  it('shows a refusal whole: what happened, what is safe, what to do', async () => {
    const { user } = openWindow({
      phase: 'first-start',
      faults: { enrol: { ...fault('keychain-locked'), what: 'The keychain is locked.' } },
    });
    await user.type(await screen.findByTestId('sign-in-username'), 'mlindqvist');
    await user.type(screen.getByTestId('sign-in-password'), 'x');
    await user.type(screen.getByTestId('sign-in-code'), '123456');
    await user.click(screen.getByTestId('sign-in-submit'));
    const note = await screen.findByTestId('fault');
    expect(note.textContent).toContain('The keychain is locked.');
    expect(note.textContent).toContain('Nothing on this computer was lost.');
    expect(note.textContent).toContain('Try again.');
    // A code is good once: it is asked for again, the rest stays.
    expect((screen.getByTestId('sign-in-code') as HTMLInputElement).value).toBe('');
    expect((screen.getByTestId('sign-in-username') as HTMLInputElement).value).toBe('mlindqvist');
  });

  it('offers the organisation where the server does, and asks for a password of this computer', async () => {
    const { user, fake } = openWindow({ phase: 'first-start', organisation: true });
    await user.type(await screen.findByTestId('sign-in-username'), 'mlindqvist');
    await user.click(await screen.findByTestId('sign-in-organisation'));
    await user.type(screen.getByTestId('sign-in-password'), 'too short');
    await user.type(screen.getByTestId('sign-in-code'), '123456');
    await user.click(screen.getByTestId('sign-in-submit'));
    expect(screen.getByText('Choose a password of twelve characters or more')).toBeTruthy();
    expect(fake.count('enrol')).toBe(0);
    await expectAccessible();
    await user.type(screen.getByTestId('sign-in-password'), ', now it is long');
    await user.click(screen.getByText('Sign in with your organisation'));
    expect(await screen.findByTestId('today')).toBeTruthy();
    expect(fake.calls.find((call) => call.command === 'enrol')?.args.form).toMatchObject({
      organisation: true,
      password: 'too short, now it is long',
    });
  });

  it('offers the password alone where the server has no organisation to ask', async () => {
    const { user, fake } = openWindow({ phase: 'first-start' });
    await screen.findByTestId('sign-in-username');
    await waitFor(() => expect(fake.count('sign_in_ways')).toBeGreaterThan(0));
    expect(screen.queryByTestId('sign-in-ways')).toBeNull();
    await user.type(screen.getByTestId('sign-in-username'), 'x');
  });

  it('waits for the browser with a way back', async () => {
    const { user, fake } = openWindow({ phase: 'locked', organisation: true, browsing: true });
    expect((await screen.findByTestId('browser-wait')).textContent).toContain('browser');
    expect(screen.queryByTestId('unlock-submit')).toBeNull();
    await expectAccessible();
    await user.click(screen.getByTestId('browser-cancel'));
    expect(await screen.findByTestId('unlock-submit')).toBeTruthy();
    expect(fake.count('cancel_sign_in')).toBe(1);
  });

  it('fills with progress, stops and goes on', async () => {
    const { user, fake } = openWindow({ phase: 'filling' });
    const bar = await screen.findByTestId('filling-progress');
    await waitFor(() => expect(bar.getAttribute('aria-valuenow')).toBe('43'));
    await user.click(screen.getByTestId('filling-stop'));
    expect(await screen.findByText('Stopped. What was fetched is kept.')).toBeTruthy();
    await user.click(screen.getByTestId('filling-resume'));
    expect(await screen.findByTestId('filling-stop')).toBeTruthy();
    expect(fake.count('resume_first_sync')).toBe(1);
    await expectAccessible();
  });
});

describe('lock', () => {
  it('hides every record at once and returns to the same place', async () => {
    const { user, fake, container } = openWindow();
    await user.click(await screen.findByTestId('rail-patients'));
    expect((await screen.findAllByText('Ada Okafor')).length).toBeGreaterThan(0);
    await user.keyboard('{Control>}l{/Control}');
    expect(await screen.findByTestId('sign-in')).toBeTruthy();
    expect(container.ownerDocument.body.textContent).not.toContain('Ada Okafor');
    await user.type(screen.getByTestId('unlock-password'), 'right');
    await user.click(screen.getByTestId('unlock-submit'));
    expect(await screen.findByTestId('patients')).toBeTruthy();
    expect(fake.count('lock')).toBe(1);
  });

  it('takes every message away that might name somebody', async () => {
    const { user } = openWindow();
    await screen.findByTestId('today');
    act(() => {
      notifications.show({ message: 'Ada Okafor has 11:00', autoClose: false });
    });
    await screen.findByText('Ada Okafor has 11:00');
    await user.keyboard('{Control>}l{/Control}');
    await screen.findByTestId('sign-in');
    await waitFor(() => expect(screen.queryByText('Ada Okafor has 11:00')).toBeNull());
  });

  it('keeps no name in storage, title or address', async () => {
    const { user } = openWindow();
    await user.click(await screen.findByTestId('rail-patients'));
    await screen.findAllByText('Ada Okafor');
    expect(JSON.stringify({ ...localStorage })).not.toContain('Okafor');
    expect(`${document.title} ${window.location.href}`).not.toContain('Okafor');
  });

  it('follows a lock that the program did by itself', async () => {
    const { fake } = openWindow();
    await screen.findByTestId('today');
    act(() => fake.tellSession({ phase: 'locked', user: null }));
    expect(await screen.findByTestId('sign-in')).toBeTruthy();
  });

  it('keeps the field ready after a wrong password', async () => {
    const { user } = openWindow({ phase: 'locked' });
    await user.type(await screen.findByTestId('unlock-password'), 'wrong{Enter}');
    expect(await screen.findByTestId('fault')).toBeTruthy();
    const field = screen.getByTestId('unlock-password') as HTMLInputElement;
    expect(field.value).toBe('');
    expect(document.activeElement).toBe(field);
    await expectAccessible();
  });
});

describe('reading', () => {
  it('reads once as opened when a screen opens, and as refreshed when records change', async () => {
    const { fake, user } = openWindow();
    await screen.findAllByTestId('appointment-row');
    const causes = () =>
      fake.calls.filter((call) => call.command === 'today').map((call) => call.args.cause);
    expect(causes()).toEqual(['opened']);
    act(() => {
      fake.tellData(['Appointment']);
      fake.tellData(['Appointment', 'Patient']);
    });
    await waitFor(() => expect(causes()).toEqual(['opened', 'refreshed']));
    act(() => fake.tellData(['Observation']));
    await user.click(screen.getByTestId('rail-patients'));
    await screen.findByTestId('patients');
    await user.click(screen.getByTestId('rail-today'));
    await screen.findAllByTestId('appointment-row');
    // A visit is a view of its own, even though the records are the same.
    expect(causes()).toEqual(['opened', 'refreshed', 'opened']);
  });
});

describe('status bar', () => {
  it('says all confirmed only when nothing waits', async () => {
    const { fake } = openWindow({ empty: true });
    expect((await screen.findByTestId('status-up-to-date')).textContent).toBe(
      'all confirmed 10:31',
    );
    act(() => fake.tellSync({ auditToSend: 1 }));
    await waitFor(() => expect(screen.queryByTestId('status-up-to-date')).toBeNull());
    act(() => fake.tellSync({ auditToSend: 0, toSend: 2, connection: 'offline' }));
    expect((await screen.findByTestId('status-to-send')).textContent).toBe('2 records to send');
    expect(screen.getByTestId('status').dataset.connection).toBe('offline');
  });

  it('signs in with the organisation again, and never asks for its password here', async () => {
    const { user, fake } = openWindow({ connection: 'sign-in-needed', organisation: true });
    await user.click(await screen.findByText('Sign in again'));
    await user.click(await screen.findByTestId('again-organisation'));
    await waitFor(() => expect(fake.count('sign_in_again')).toBe(1));
    await waitFor(() => expect(screen.queryByTestId('again-organisation')).toBeNull());
    expect(fake.count('unlock')).toBe(0);
  });

  it('takes the password again when the server ended the session', async () => {
    const { user, fake } = openWindow({ connection: 'sign-in-needed' });
    await user.click(await screen.findByText('Sign in again'));
    await user.type(await screen.findByTestId('again-password'), 'right{Enter}');
    await waitFor(() => expect(fake.count('unlock')).toBe(1));
    await waitFor(() => expect(screen.queryByTestId('again-password')).toBeNull());
  });
});
