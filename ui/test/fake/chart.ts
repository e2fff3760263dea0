// Charts of the fake clinic: one plausible diabetic for everybody, so that every panel is full.
import type {
  ChartView,
  ClinicalItem,
  NoteView,
  PatientRow,
  Point,
  ProblemTerm,
  Series,
} from '../../shared/bindings.ts';

export const TERMS: ProblemTerm[] = [
  { text: 'Type 2 diabetes mellitus', snomed: '44054006', icd10: 'E11.9' },
  { text: 'Essential hypertension', snomed: '59621000', icd10: 'I10' },
  { text: 'Migraine without aura', snomed: '56097005', icd10: 'G43.009' },
];

function item(
  reference: string,
  text: string,
  code: string | null,
  detail: string | null,
  status: string,
  since: string | null,
): ClinicalItem {
  return {
    reference,
    text,
    code,
    detail,
    active: status === 'active',
    status,
    since,
    by: 'Dr. Maren Lindqvist',
    standing: 'confirmed',
  };
}

function series(
  code: string,
  name: string,
  unit: string,
  low: number | null,
  high: number | null,
  value: (n: number) => number,
  count = 14,
): Series {
  const points: Point[] = Array.from({ length: count }, (_, n) => {
    const v = Math.round(value(n) * 10) / 10;
    return {
      reference: `Observation/${code}-${n}`,
      at: new Date(Date.UTC(2023, n * 3, 4 + n, 14, 10 + n)).toISOString(),
      value: v,
      mark: high !== null && v > high ? 'high' : low !== null && v < low ? 'low' : null,
      standing: n === count - 1 ? 'saved' : 'confirmed',
    };
  });
  return { code, name, unit, low, high, points };
}

/** The chart of anybody. */
export function chartOf(patient: PatientRow, draft: string | null): ChartView {
  const bare = patient.id === 'pat-7';
  return {
    patient,
    address: '18 Quay Road, Portsmouth, NH 03801',
    flags: patient.id === 'pat-4' ? ['Speaks Arabic, interpreter'] : [],
    allergies: bare
      ? []
      : [
          item(
            'AllergyIntolerance/1',
            'Penicillin',
            'SNOMED 91936005',
            'Anaphylaxis · high criticality',
            'active',
            '1998-05-02',
          ),
          item(
            'AllergyIntolerance/2',
            'Latex',
            'SNOMED 300916003',
            'Contact dermatitis',
            'active',
            '2011',
          ),
        ],
    problems: bare
      ? []
      : [
          item(
            'Condition/1',
            'Type 2 diabetes mellitus',
            'SNOMED 44054006',
            null,
            'active',
            '2014-03-11',
          ),
          item(
            'Condition/2',
            'Essential hypertension',
            'SNOMED 59621000',
            null,
            'active',
            '2016-08-02',
          ),
          item(
            'Condition/3',
            'Acute bronchitis',
            'SNOMED 10509002',
            null,
            'resolved',
            '2022-01-19',
          ),
        ],
    medications: bare
      ? []
      : [
          item(
            'MedicationRequest/1',
            'Metformin 500 mg oral tablet',
            'RxNorm 860975',
            '1 tablet twice a day with meals',
            'active',
            '2014-03-11',
          ),
          item(
            'MedicationRequest/2',
            'Lisinopril 10 mg oral tablet',
            'RxNorm 314076',
            '1 tablet in the morning',
            'active',
            '2016-08-02',
          ),
          item(
            'MedicationRequest/3',
            'Amoxicillin 500 mg oral capsule',
            'RxNorm 308182',
            null,
            'stopped',
            '2009-02-11',
          ),
        ],
    immunizations: bare
      ? []
      : [
          item(
            'Immunization/1',
            'Influenza, seasonal, injectable',
            'CVX 141',
            null,
            'completed',
            '2026-10-02',
          ),
          item('Immunization/2', 'Td (adult)', 'CVX 113', null, 'completed', '2021-06-14'),
        ],
    encounters: bare
      ? []
      : Array.from({ length: 9 }, (_, n) => ({
          reference: `Encounter/${n}`,
          start: `${2026 - n}-0${(n % 8) + 1}-12T09:30:00-05:00`,
          end: `${2026 - n}-0${(n % 8) + 1}-12T09:50:00-05:00`,
          text: n % 3 ? 'Follow-up visit' : 'Annual physical',
          reason: n % 3 ? 'Type 2 diabetes mellitus' : null,
          practitioner: 'Dr. Maren Lindqvist',
          place: 'Harbour Street Clinic',
          status: 'finished',
          standing: 'confirmed' as const,
        })),
    others: bare
      ? []
      : [
          {
            reference: 'Procedure/1',
            kind: 'Procedure',
            when: '2025-04-10',
            text: 'Retinal photography',
            status: 'completed',
            standing: 'saved',
          },
          {
            reference: 'CarePlan/1',
            kind: 'CarePlan',
            when: '2024-03-02',
            text: 'Diabetes self-management',
            status: 'active',
            standing: 'confirmed',
          },
          {
            reference: 'DiagnosticReport/1',
            kind: 'DiagnosticReport',
            when: '2026-08-11',
            text: 'Lipid panel',
            status: 'final',
            standing: 'confirmed',
          },
        ],
    vitals: bare
      ? []
      : [
          series(
            '8480-6',
            'Systolic blood pressure',
            'mmHg',
            90,
            140,
            (n) => 132 + ((n * 17) % 23) - 6,
          ),
          series(
            '8462-4',
            'Diastolic blood pressure',
            'mmHg',
            60,
            90,
            (n) => 78 + ((n * 11) % 15) - 4,
          ),
          series('8867-4', 'Heart rate', '/min', 60, 100, (n) => 70 + ((n * 7) % 19)),
          series('29463-7', 'Body weight', 'kg', null, null, (n) => 86 - n * 0.4 + (n % 3)),
          series('8302-2', 'Body height', 'cm', null, null, () => 168, 3),
          series('39156-5', 'Body mass index', 'kg/m²', 18.5, 25, (n) => 30.4 - n * 0.15),
        ],
    labs: bare
      ? []
      : [
          series('4548-4', 'Hemoglobin A1c', '%', 4, 5.7, (n) => 8.4 - n * 0.11 + (n % 2) * 0.2),
          series('2339-0', 'Glucose', 'mg/dL', 70, 100, (n) => 148 - n * 2 + ((n * 13) % 21)),
          series('2160-0', 'Creatinine', 'mg/dL', 0.6, 1.2, (n) => 0.9 + (n % 4) * 0.1),
          series('18262-6', 'LDL cholesterol', 'mg/dL', null, 130, (n) => 141 - n * 3),
        ],
    findings: bare
      ? []
      : [
          {
            reference: 'Observation/f1',
            when: '2026-08-11',
            name: 'Tobacco smoking status',
            value: 'Former smoker',
            standing: 'saved',
          },
        ],
    notes: bare
      ? []
      : [
          {
            reference: 'DocumentReference/1',
            title: 'Progress note',
            signedAt: '2026-08-11T10:02:00-04:00',
            author: 'Dr. Maren Lindqvist',
            preview: 'Feels well. Walks daily. No hypoglycaemia since the last visit.',
            standing: 'confirmed',
          },
        ],
    draft,
    access: null,
    earlier: [],
  };
}

/** A signed note. */
export function noteOf(reference: string): NoteView {
  return {
    line: {
      reference,
      title: 'Progress note',
      signedAt: '2026-08-11T10:02:00-04:00',
      author: 'Dr. Maren Lindqvist',
      preview: 'Feels well. Walks daily.',
      standing: 'confirmed',
    },
    sections: [
      {
        title: 'Subjective',
        text: 'Feels well. Walks daily. No hypoglycaemia since the last visit.',
      },
      { title: 'Objective', text: 'BP 132/78, weight 84.2 kg. Feet: no ulcer, pulses present.' },
      { title: 'Assessment', text: 'Type 2 diabetes, controlled. Hypertension, controlled.' },
      { title: 'Plan', text: 'Continue metformin. HbA1c in three months.' },
    ],
  };
}
