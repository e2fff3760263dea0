import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { fault } from './fake/clinic.ts';
import { expectAccessible, openWindow } from './window.tsx';

async function openInbox(setting = {}) {
  const opened = openWindow(setting);
  await opened.user.click(await screen.findByTestId('rail-inbox'));
  return { ...opened, pair: await screen.findByTestId('pair') };
}

async function register(setting = {}) {
  const opened = openWindow(setting);
  await opened.user.click(await screen.findByTestId('rail-patients'));
  await opened.user.click(await screen.findByTestId('register-patient'));
  return opened;
}

describe('s9 while registering', () => {
  it('shows who may be the same and why, and opens them', async () => {
    const { user, fake } = await register();
    await user.type(await screen.findByTestId('patient-given'), 'Ada');
    expect(fake.count('likely_duplicates')).toBe(0);
    await user.type(screen.getByTestId('patient-family'), 'Okafor');
    const likely = await screen.findByTestId('likely-duplicates');
    expect(likely.textContent).toContain('Possibly the same person');
    await user.type(screen.getByTestId('patient-birthDate'), '1974-03-18');
    await waitFor(() => expect(likely.textContent).toContain('Likely the same person'));
    expect(likely.textContent).toContain('Same: given name, family name, birth date');
    expect(likely.textContent).toContain('MR-100204');
    await expectAccessible();
    await user.click(within(likely).getAllByTestId('likely-open')[0] as HTMLElement);
    expect((await screen.findByTestId('chart')).dataset.patient).toBe('pat-1');
  });

  it('gives the front desk the record to correct instead of a second one', async () => {
    const { user } = await register({ role: 'front-desk' });
    await user.type(await screen.findByTestId('patient-given'), 'Ada');
    await user.type(screen.getByTestId('patient-family'), 'Okafor');
    await user.click((await screen.findAllByTestId('likely-open'))[0] as HTMLElement);
    await waitFor(() =>
      expect((screen.getByTestId('patient-mrn') as HTMLInputElement).value).toBe('MR-100204'),
    );
  });

  it('says when it could not look', async () => {
    const { user } = await register({ faults: { likely_duplicates: fault('busy') } });
    await user.type(await screen.findByTestId('patient-given'), 'Ada');
    await user.type(screen.getByTestId('patient-family'), 'Okafor');
    expect(await screen.findByText(/could not be checked/)).toBeTruthy();
  });
});

describe('s9 in the inbox', () => {
  it('shows both sides, what agrees, and what each holds', async () => {
    const { pair } = await openInbox();
    expect(screen.getByTestId('rail-count-inbox').textContent).toBe('5');
    expect(pair.textContent).toContain('Nearly: given name');
    expect(pair.textContent).toContain('Same: family name, birth date, sex, phone');
    expect(within(pair).getByTestId('holds-one').textContent).toContain('9 notes');
    expect(within(pair).getByTestId('holds-other').textContent).toContain('closed to you');
    const marked = [...pair.querySelectorAll('mark')].map((mark) => mark.textContent);
    expect(marked).toContain('Tomas Wisniewski');
    await expectAccessible();
  });

  it('merges by keyboard what was chosen, element by element', async () => {
    const { user, fake, pair } = await openInbox();
    await user.click(within(pair).getByTestId('same-person'));
    const results = () =>
      within(pair)
        .getAllByTestId('merge-result')
        .map((cell) => cell.querySelector('span')?.textContent);
    expect(results()).toEqual([
      'Tomasz Wiśniewski',
      'MRN MR-104325\nMRN MR-200287',
      '(555) 0133-4492\ntw@example.org',
      '4 Mill Lane, Portsmouth, NH 03801',
    ]);
    within(pair).getByRole('radio', { name: 'Numbers: take MRN MR-104325' }).focus();
    await user.keyboard(' ');
    await user.click(within(pair).getByRole('radio', { name: 'Address: take nothing' }));
    expect(results()[3]).toBe('empty');
    await expectAccessible();
    await user.click(within(pair).getByTestId('merge-save'));
    await waitFor(() => expect(screen.queryByTestId('pair')).toBeNull());
    expect(fake.calls.find((call) => call.command === 'merge_patients')?.args.form).toEqual({
      survivor: 'pat-14',
      survivorVersion: 4,
      replaced: 'pat-x7',
      replacedVersion: 1,
      taken: [{ element: 'telecom', beside: true }],
    });
    expect(screen.getByTestId('rail-count-inbox').textContent).toBe('4');
  });

  it('lets the other record stay', async () => {
    const { user, fake, pair } = await openInbox();
    await user.click(within(pair).getByTestId('same-person'));
    await user.click(
      within(pair).getByRole('radio', {
        name: 'Keep the record MRN MR-200287 of Tomas Wisniewski',
      }),
    );
    await user.click(within(pair).getByTestId('merge-save'));
    await waitFor(() => expect(fake.count('merge_patients')).toBe(1));
    const call = fake.calls.find((one) => one.command === 'merge_patients');
    expect(call?.args.form).toMatchObject({ survivor: 'pat-x7', replaced: 'pat-14' });
  });

  it('tells two people apart', async () => {
    const { user, fake, pair } = await openInbox();
    await user.click(within(pair).getByTestId('two-people'));
    await waitFor(() => expect(screen.queryByTestId('pair')).toBeNull());
    expect(fake.calls.find((call) => call.command === 'keep_apart')?.args).toEqual({
      one: 'pat-14',
      other: 'pat-x7',
    });
  });

  it('keeps what was chosen when the merge is refused, and says why', async () => {
    const { user, pair } = await openInbox({
      faults: { merge_patients: fault('invalid', 'version') },
    });
    await user.click(within(pair).getByTestId('same-person'));
    await user.click(within(pair).getByTestId('merge-save'));
    expect((await within(pair).findByTestId('fault')).textContent).toContain('invalid');
    expect(within(pair).getByTestId('merge-save')).toBeTruthy();
  });

  it('undoes a merge', async () => {
    const { user, fake } = await openInbox();
    const merges = screen.getByTestId('merges');
    expect(merges.textContent).toContain('merged into Ruth Steinberg');
    await user.click(within(merges).getByTestId('undo-merge'));
    await waitFor(() => expect(screen.queryByTestId('merges')).toBeNull());
    expect(fake.calls.find((call) => call.command === 'undo_merge')?.args.replaced).toBe('pat-x5');
  });
});

describe('s9 a merged record', () => {
  it('is marked in the list and leads to the one that stands for it', async () => {
    const { user } = openWindow();
    await user.click(await screen.findByTestId('rail-patients'));
    await user.type(await screen.findByTestId('patient-search'), 'rut steinberg');
    const mark = await screen.findByTestId('merged-into');
    expect(mark.textContent).toBe('merged into Ruth Steinberg');
    await user.click(mark);
    const banner = await screen.findByTestId('merged-into');
    expect(banner.textContent).toContain('was merged into that of Ruth Steinberg');
    await expectAccessible();
    await user.click(within(banner).getByTestId('open-survivor'));
    await waitFor(() => expect(screen.getByTestId('chart').dataset.patient).toBe('pat-16'));
    expect(screen.getByTestId('earlier-record').textContent).toContain(
      'With the entries of Rut Steinberg',
    );
    await user.click(screen.getByTestId('undo-merge'));
    await waitFor(() => expect(screen.queryByTestId('earlier-record')).toBeNull());
  });

  it('says which entries are not shown, and where they are', async () => {
    const { user } = openWindow({ closed: { 'pat-x5': 'needs-justification' } });
    await user.click(await screen.findByTestId('rail-patients'));
    await user.type(await screen.findByTestId('patient-search'), 'ruth steinberg');
    await user.click(await screen.findByText('Ruth Steinberg'));
    const note = await screen.findByTestId('earlier-record');
    expect(note.textContent).toContain('closed to you');
    await user.click(within(note).getByTestId('open-earlier'));
    expect(await screen.findByTestId('closed-open')).toBeTruthy();
  });
});
