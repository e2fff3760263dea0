import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { act } from 'react';
import { describe, expect, it } from 'vitest';
import { fault } from './fake/clinic.ts';
import { expectAccessible, openWindow } from './window.tsx';

describe('Today', () => {
  it('takes the next step of an appointment, once', async () => {
    const { user, fake } = openWindow();
    const button = await screen.findByRole('button', { name: 'Bring in: Priya Raghunathan' });
    await user.dblClick(button);
    await waitFor(() =>
      expect(fake.calls.filter((call) => call.command === 'set_progress').length).toBe(1),
    );
    expect(fake.calls.find((call) => call.command === 'set_progress')?.args.progress).toBe(
      'in-room',
    );
    await expectAccessible();
  });

  it('moves by arrows and opens the chart by Enter', async () => {
    const { user } = openWindow();
    const rows = await screen.findAllByTestId('appointment-row');
    within(rows[0] as HTMLElement)
      .getAllByRole('button')[0]
      ?.focus();
    await user.keyboard('{ArrowDown}');
    expect(document.activeElement?.textContent).toContain('Grace Abiodun');
    await user.keyboard('{Enter}');
    await waitFor(() => expect(screen.getByTestId('screen-chart')).toBeTruthy());
  });

  it('says what would be here when nothing is', async () => {
    openWindow({ empty: true });
    expect((await screen.findByTestId('empty')).textContent).toContain('No appointments today');
    expect(screen.getByText('Nothing waits for you.')).toBeTruthy();
  });

  it('draws no button that the role may not use', async () => {
    const { user } = openWindow({ role: 'front-desk' });
    await screen.findAllByTestId('appointment-row');
    expect(screen.queryByTestId('unsigned-note')).toBeNull();
    await user.keyboard('{Control>}k{/Control}');
    await user.type(await screen.findByTestId('find-query'), 'note');
    expect(screen.queryByTestId('find-note')).toBeNull();
  });

  it('shows a fault with a way out', async () => {
    const { user, fake } = openWindow({ faults: { today: fault('disk-full') } });
    await screen.findByTestId('fault');
    if (fake.setting.faults) {
      fake.setting.faults = {};
    }
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    expect((await screen.findAllByTestId('appointment-row')).length).toBeGreaterThan(3);
  });
});

describe('Patients', () => {
  it('finds as letters come, asks once for a burst, opens the first hit by Enter', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-patients'));
    const field = await screen.findByTestId('patient-search');
    await waitFor(() => expect(document.activeElement).toBe(field));
    const before = fake.count('find_patients');
    // A burst, however slow the machine is: no letter waits for what the one before it began.
    act(() => {
      for (const typed of ['a', 'ad', 'ada', 'ada ', 'ada o', 'ada ok']) {
        fireEvent.change(field, { target: { value: typed } });
      }
    });
    await user.keyboard('{Enter}');
    expect(await screen.findByTestId('screen-chart')).toBeTruthy();
    await waitFor(() =>
      expect(fake.calls.find((call) => call.command === 'open_chart')?.args).toEqual({
        patient: 'pat-1',
        cause: 'opened',
      }),
    );
    expect(fake.count('find_patients') - before).toBeLessThan(3);
  });

  it('names the chosen row to a screen reader', async () => {
    const { user } = openWindow();
    await user.click(await screen.findByTestId('rail-patients'));
    const field = await screen.findByTestId('patient-search');
    await screen.findAllByTestId('patient-row');
    await user.type(field, '{ArrowDown}');
    const chosen = document.getElementById(field.getAttribute('aria-activedescendant') ?? '');
    expect(chosen?.textContent).toContain('Bartholomew');
    await expectAccessible();
  });

  it('registers beside the list, warns of a likely duplicate, keeps the draft over Esc', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-patients'));
    await user.click(await screen.findByTestId('register-patient'));
    await user.type(await screen.findByTestId('patient-given'), 'Ada');
    await user.type(screen.getByTestId('patient-family'), 'Okafor');
    expect((await screen.findByTestId('likely-duplicates')).textContent).toContain('MR-100204');
    await user.keyboard('{Escape}');
    expect(screen.queryByTestId('patient-form')).toBeNull();
    await user.click(screen.getByTestId('register-patient'));
    expect(((await screen.findByTestId('patient-family')) as HTMLInputElement).value).toBe(
      'Okafor',
    );
    await user.click(screen.getByTestId('patient-submit'));
    expect(screen.getByText('Enter a date as 1961-04-02')).toBeTruthy();
    await user.type(screen.getByTestId('patient-birthDate'), '19740318');
    await user.click(within(screen.getByTestId('patient-sex')).getByText('female'));
    await user.click(screen.getByTestId('patient-submit'));
    await waitFor(() => expect(fake.count('save_patient')).toBe(1));
    const form = fake.calls.find((call) => call.command === 'save_patient')?.args.form;
    expect(form).toMatchObject({ given: 'Ada', family: 'Okafor', birthDate: '1974-03-18' });
  });
});

describe('Problems', () => {
  const open = async (setting = {}) => {
    const window = openWindow(setting);
    await window.user.click(await screen.findByTestId('rail-patients'));
    await window.user.type(await screen.findByTestId('patient-search'), 'ada ok{Enter}');
    await screen.findByTestId('screen-chart');
    return window;
  };

  it('s2: resolves one with the day it was over, and nothing is sent that was not changed', async () => {
    const { user, fake } = await open();
    const list = within(await screen.findByTestId('chart-problems'));
    await user.click(list.getByRole('button', { name: 'Change Type 2 diabetes mellitus' }));
    expect((await screen.findByTestId('problem-change-text')).textContent).toBe(
      'Type 2 diabetes mellitus',
    );
    const save = screen.getByTestId('problem-change-save') as HTMLButtonElement;
    expect(save.disabled).toBe(true);
    await user.click(screen.getByTestId('problem-status-resolved'));
    await user.type(screen.getByTestId('problem-ended'), '2013-01-01');
    await user.click(save);
    expect(screen.getByText('This is before it began')).toBeTruthy();
    expect(fake.count('change_problem')).toBe(0);
    await expectAccessible();
    await user.clear(screen.getByTestId('problem-ended'));
    await user.type(screen.getByTestId('problem-ended'), '2020-05-01');
    await user.click(save);
    await waitFor(() => expect(screen.queryByTestId('problem-change-panel')).toBeNull());
    expect(fake.calls.find((call) => call.command === 'change_problem')?.args.form).toEqual({
      reference: 'Condition/1',
      version: 1,
      patient: 'pat-1',
      text: 'Type 2 diabetes mellitus',
      status: 'resolved',
      onset: '2014-03-11',
      ended: '2020-05-01',
    });
  });

  it('says what stands in the way, and keeps what was typed', async () => {
    const { user } = await open({ faults: { change_problem: fault('disk-full') } });
    await user.click((await screen.findAllByTestId('problem-change'))[0] as HTMLElement);
    await user.click(await screen.findByTestId('problem-status-entered-in-error'));
    await user.click(screen.getByTestId('problem-change-save'));
    expect(await screen.findByTestId('fault')).toBeTruthy();
    const chosen = screen.getByTestId('problem-status-entered-in-error') as HTMLInputElement;
    expect(chosen.checked).toBe(true);
  });
});

describe('the one search', () => {
  it('opens a chart by the first letters and Enter, however fast', async () => {
    const { user, fake } = openWindow();
    await screen.findByTestId('today');
    await user.keyboard('{Control>}k{/Control}');
    await user.type(await screen.findByTestId('find-query'), 'wanj{Enter}');
    expect(await screen.findByTestId('screen-chart')).toBeTruthy();
    expect(fake.calls.find((call) => call.command === 'open_chart')?.args.patient).toBe('pat-13');
  });

  it('runs a command by its verb', async () => {
    const { user } = openWindow();
    await screen.findByTestId('today');
    await user.keyboard('{Control>}k{/Control}');
    await user.type(await screen.findByTestId('find-query'), 'appoint');
    await waitFor(() => expect(screen.getByTestId('find-book')).toBeTruthy());
    await user.click(screen.getByTestId('find-book'));
    expect(await screen.findByTestId('booking')).toBeTruthy();
  });
});

describe('Schedule', () => {
  it('shows each appointment, draws a requested one as requested', async () => {
    const { user } = openWindow();
    await user.click(await screen.findByTestId('rail-schedule'));
    await waitFor(() => expect(screen.getAllByTestId('schedule-event').length).toBeGreaterThan(30));
    expect(screen.getByTestId('schedule-requested').textContent).toContain('1 requested');
    const waiting = document.querySelector('[data-appointment="app-0-0-8"]')?.closest('article');
    expect(waiting?.className).toContain('r-stands-saved');
    expect(waiting?.textContent).toContain('Requested: the server has not confirmed this booking');
    await expectAccessible();
  });

  it('books for a found patient and refuses a time that is taken', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-schedule'));
    await user.click(await screen.findByTestId('book'));
    await user.type(await screen.findByTestId('pick-patient'), 'wanj');
    await user.click((await screen.findAllByTestId('pick-patient-option'))[0] as HTMLElement);
    await waitFor(() =>
      expect((screen.getByTestId('booking-practitioner') as HTMLSelectElement).value).toBe(
        'prac-1',
      ),
    );
    await user.type(screen.getByTestId('booking-time'), '11:10');
    expect((await screen.findByTestId('booking-clash')).textContent).toContain(
      'Dr. Maren Lindqvist has Priya Raghunathan from 11:00 to 11:30',
    );
    await user.clear(screen.getByTestId('booking-time'));
    await user.type(screen.getByTestId('booking-time'), '1600');
    await user.type(screen.getByTestId('booking-reason'), 'Results');
    await user.click(screen.getByTestId('booking-submit'));
    await waitFor(() => expect(fake.count('book')).toBe(1));
    expect(fake.calls.find((call) => call.command === 'book')?.args.form).toEqual({
      patient: 'pat-13',
      practitioner: 'prac-1',
      start: '2026-11-24T16:00:00-05:00',
      minutes: 30,
      reason: 'Results',
    });
  });

  it('turns the message of a booking into confirmed', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-schedule'));
    await user.click(await screen.findByTestId('book'));
    await user.type(await screen.findByTestId('pick-patient'), 'wanj');
    await user.click((await screen.findAllByTestId('pick-patient-option'))[0] as HTMLElement);
    await user.type(screen.getByTestId('booking-time'), '1600');
    await user.click(screen.getByTestId('booking-submit'));
    // The message stays for as long as the pointer is on it, however slow the machine is.
    await user.hover(await screen.findByText(/^Requested: .*16:00/));
    const booked = fake.appointments.at(-1);
    act(() => {
      if (booked) {
        booked.standing = 'confirmed';
      }
      fake.tellData(['Appointment']);
    });
    expect(await screen.findByText(/^Booked .*16:00/)).toBeTruthy();
    expect(screen.queryByText(/^Requested: /)).toBeNull();
  });

  it('cancels only with a reason', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-schedule'));
    const event = await waitFor(() => {
      const found = document.querySelector<HTMLElement>('[data-appointment="app-0-0-9"]');
      expect(found).toBeTruthy();
      return found as HTMLElement;
    });
    await user.click(event);
    await user.click(await screen.findByTestId('cancel-submit'));
    expect(fake.count('cancel_appointment')).toBe(0);
    await user.click(screen.getByRole('button', { name: 'Patient asked' }));
    await user.click(screen.getByTestId('cancel-submit'));
    await waitFor(() => expect(fake.count('cancel_appointment')).toBe(1));
    expect(await screen.findByText('Cancelled: Patient asked')).toBeTruthy();
  });
});

describe('Inbox', () => {
  it('shows both versions, marks what differs, settles by choice', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-inbox'));
    const conflict = await screen.findByTestId('conflict');
    expect([...conflict.querySelectorAll('mark')].map((mark) => mark.textContent)).toContain(
      '0132-4458',
    );
    await expectAccessible();
    await user.click(within(conflict).getByTestId('keep-theirs'));
    await waitFor(() => expect(screen.queryByTestId('conflict')).toBeNull());
    expect(fake.calls.find((call) => call.command === 'settle_conflict')?.args).toEqual({
      id: 'conflict-1',
      choice: 'keep-theirs',
    });
  });

  it('asks before a refused change is given up', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-inbox'));
    await user.click(await screen.findByTestId('give-up'));
    expect(fake.count('give_up_refused')).toBe(0);
    await user.click(await screen.findByTestId('give-up-confirm'));
    await waitFor(() => expect(fake.count('give_up_refused')).toBe(1));
  });
});

describe('Activity', () => {
  it('reads itself once, however many audit events come and go', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-activity'));
    await waitFor(() => expect(screen.getAllByTestId('event').length).toBeGreaterThan(5));
    act(() => fake.tellSync({ auditToSend: 1 }));
    act(() => fake.tellSync({ auditToSend: 0 }));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(fake.count('activity')).toBe(1);
    act(() => fake.tellSync({ toSend: 1 }));
    await waitFor(() => expect(fake.count('activity')).toBe(2));
    await expectAccessible();
  });

  it('says when it does not list all', async () => {
    const { user, fake } = openWindow();
    fake.events = 900;
    await user.click(await screen.findByTestId('rail-activity'));
    await user.click(await screen.findByRole('button', { name: 'Show more' }));
    await waitFor(() => expect(fake.calls.at(-1)?.args.limit).toBe(400));
    expect(screen.queryByTestId('activity-most')).toBeNull();
    await user.click(await screen.findByRole('button', { name: 'Show more' }));
    expect((await screen.findByTestId('activity-most')).textContent).toContain('newest 500');
  });
});

describe('Settings', () => {
  it('saves a choice at once and wears it', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-settings'));
    await user.click(within(await screen.findByTestId('settings-theme')).getByText('Dark'));
    await waitFor(() =>
      expect(document.documentElement.getAttribute('data-mantine-color-scheme')).toBe('dark'),
    );
    await user.selectOptions(await screen.findByTestId('settings-idle'), '5');
    await waitFor(() => expect(fake.settings.idleMinutes).toBe(5));
    await expectAccessible();
    // Puts the look back for the next test; the module keeps it as the program would.
    await user.click(within(screen.getByTestId('settings-theme')).getByText('Light'));
  });
});
