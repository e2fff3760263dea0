import { describe, expect, it } from 'vitest';
import { fits, withUsual } from './reason.ts';

describe('a reason', () => {
  it('has three to five hundred characters, blanks at its ends not counted', () => {
    expect(fits('  ab ')).toBe(false);
    expect(fits('abc')).toBe(true);
    expect(fits('a'.repeat(500))).toBe(true);
    expect(fits('a'.repeat(501))).toBe(false);
    // Two UTF-16 units each, one character each.
    expect(fits('🚑'.repeat(300))).toBe(true);
    expect(fits('急救中')).toBe(true);
  });
  it('takes a usual reason instead of another one, and keeps what was typed', () => {
    const all = ['Called', 'Covering'];
    expect(withUsual('', 'Called', all)).toBe('Called');
    expect(withUsual('Called', 'Covering', all)).toBe('Covering');
    expect(withUsual('Dr. Ekwueme is ill.', 'Covering', all)).toBe('Dr. Ekwueme is ill. Covering');
    expect(withUsual('Is ill. Covering', 'Covering', all)).toBe('Is ill. Covering');
  });
});
