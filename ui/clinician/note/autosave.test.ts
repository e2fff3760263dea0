import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DraftForm, DraftView } from '../../shared/bindings.ts';
import { FaultError } from '../../shared/ipc.ts';
import { Autosave, type Keeping, type Sections } from './autosave.ts';

const EMPTY: Sections = { subjective: '', objective: '', assessment: '', plan: '' };

function view(form: DraftForm): DraftView {
  return { ...form, id: form.id ?? 'd1', keptAt: '2026-11-23T09:00:00-05:00' };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('a draft while it is typed', () => {
  it('is kept at a pause, under one id', async () => {
    const forms: DraftForm[] = [];
    const told: Keeping[] = [];
    const autosave = new Autosave(
      'p1',
      async (form) => {
        forms.push(form);
        return view(form);
      },
      (keeping) => told.push(keeping),
      null,
    );
    autosave.typed({ ...EMPTY, subjective: 'c' });
    autosave.typed({ ...EMPTY, subjective: 'co' });
    await vi.advanceTimersByTimeAsync(500);
    autosave.typed({ ...EMPTY, subjective: 'cough' });
    await vi.advanceTimersByTimeAsync(500);
    expect(forms.map((form) => [form.id, form.subjective])).toEqual([
      [null, 'co'],
      ['d1', 'cough'],
    ]);
    expect(told[told.length - 1]?.state).toBe('kept');
  });

  it('w8_is_kept_within_two_seconds_of_typing_without_a_pause', async () => {
    const keep = vi.fn(async (form: DraftForm) => view(form));
    const autosave = new Autosave('p1', keep, () => {}, null);
    for (let i = 0; i < 20; i += 1) {
      autosave.typed({ ...EMPTY, plan: 'x'.repeat(i) });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(keep).toHaveBeenCalled();
  });

  it('says when it could not be kept, and keeps it at the next try', async () => {
    const told: Keeping[] = [];
    const full = new FaultError({
      code: 'disk-full',
      what: 'The disk is full.',
      safe: '',
      act: '',
      field: null,
    });
    let refuse = true;
    const autosave = new Autosave(
      'p1',
      async (form) => {
        if (refuse) {
          throw full;
        }
        return view(form);
      },
      (keeping) => told.push(keeping),
      null,
    );
    autosave.typed({ ...EMPTY, plan: 'rest' });
    await vi.advanceTimersByTimeAsync(500);
    expect(told[told.length - 1]).toMatchObject({ state: 'failed', fault: { code: 'disk-full' } });
    refuse = false;
    expect(await autosave.flush()).toBe(true);
    expect(told[told.length - 1]?.state).toBe('kept');
  });

  it('is not brought back by a late keeping once it was signed', async () => {
    const keep = vi.fn(async (form: DraftForm) => view(form));
    const autosave = new Autosave('p1', keep, () => {}, null);
    autosave.typed({ ...EMPTY, plan: 'rest' });
    autosave.end();
    await vi.advanceTimersByTimeAsync(3000);
    expect(keep).not.toHaveBeenCalled();
  });
});
