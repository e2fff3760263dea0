import { describe, expect, it } from 'vitest';
import { difference, pathWords } from './difference.ts';

const marked = (text: string, other: string) =>
  difference(text, other)
    .map((piece) => (piece.changed ? `[${piece.text}]` : piece.text))
    .join('');

describe('difference', () => {
  it('marks the words that the other side lacks', () => {
    expect(marked('4 Mill Lane, flat 2', '4 Mill Lane, second floor')).toBe(
      '4 Mill Lane, [flat 2]',
    );
    expect(marked('same words', 'same words')).toBe('same words');
    expect(marked('all new', '')).toBe('[all new]');
  });
  it('gives back the text whole, whatever differs', () => {
    const texts = ['', 'a', 'a b c', 'c  b a', 'x y a b z', 'مرحبا بك', 'a b c d e f'];
    for (const a of texts) {
      for (const b of texts) {
        expect(
          difference(a, b)
            .map((piece) => piece.text)
            .join(''),
        ).toBe(a);
      }
    }
  });
});

describe('pathWords', () => {
  it('reads a path as people do', () => {
    expect(pathWords('Patient.address[0].postalCode')).toBe('Address · postal code');
    expect(pathWords('Patient.telecom[1].value')).toBe('Telecom 2 · value');
    expect(pathWords('Patient')).toBe('Patient');
  });
});
