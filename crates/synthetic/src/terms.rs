//! What the clinic's records are about, in the codes of the field: SNOMED CT, ICD-10-CM, RxNorm, LOINC, CVX.

use serde_json::{Value, json};

use crate::json::{ICD10, RXNORM, SNOMED, coding};

/// A diagnosis in both of its code systems.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    pub(crate) snomed: &'static str,
    pub(crate) icd10: &'static str,
    pub(crate) text: &'static str,
}

impl Diagnosis {
    pub(crate) fn concept(&self) -> Value {
        json!({
            "coding": [
                coding(SNOMED, self.snomed, self.text),
                { "system": ICD10, "code": self.icd10 },
            ],
            "text": self.text,
        })
    }
}

const fn diagnosis(snomed: &'static str, icd10: &'static str, text: &'static str) -> Diagnosis {
    Diagnosis {
        snomed,
        icd10,
        text,
    }
}

/// The long-lasting conditions whose course the generator follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Disease {
    Diabetes,
    Hypertension,
    Hyperlipidaemia,
    Nephropathy,
    Obesity,
    Asthma,
    Copd,
    Hypothyroidism,
    Depression,
    Anxiety,
    AtrialFibrillation,
    Osteoarthritis,
    Reflux,
    Migraine,
    Rhinitis,
    Eczema,
    Pregnancy,
}

impl Disease {
    pub(crate) fn diagnosis(self) -> &'static Diagnosis {
        const TABLE: [Diagnosis; 17] = [
            diagnosis("44054006", "E11.9", "Type 2 diabetes mellitus"),
            diagnosis("59621000", "I10", "Essential hypertension"),
            diagnosis("55822004", "E78.5", "Hyperlipidaemia"),
            diagnosis("433144002", "N18.30", "Chronic kidney disease stage 3"),
            diagnosis("414916001", "E66.9", "Obesity"),
            diagnosis("195967001", "J45.909", "Asthma"),
            diagnosis("13645005", "J44.9", "Chronic obstructive pulmonary disease"),
            diagnosis("40930008", "E03.9", "Hypothyroidism"),
            diagnosis("35489007", "F32.A", "Depressive disorder"),
            diagnosis("21897009", "F41.1", "Generalised anxiety disorder"),
            diagnosis("49436004", "I48.91", "Atrial fibrillation"),
            diagnosis("239873007", "M17.9", "Osteoarthritis of knee"),
            diagnosis("235595009", "K21.9", "Gastro-oesophageal reflux disease"),
            diagnosis("37796009", "G43.909", "Migraine"),
            diagnosis("61582004", "J30.9", "Allergic rhinitis"),
            diagnosis("24079001", "L20.9", "Atopic dermatitis"),
            diagnosis("77386006", "Z34.90", "Pregnant"),
        ];
        &TABLE[self as usize]
    }
}

/// A complaint that passes, and what is done about it.
pub(crate) struct Episode {
    pub(crate) diagnosis: Diagnosis,
    /// Ages it comes at, in years.
    pub(crate) ages: std::ops::Range<f64>,
    pub(crate) days: i64,
    pub(crate) fever: bool,
    pub(crate) complaint: &'static str,
    pub(crate) finding: &'static str,
    pub(crate) plan: &'static str,
    pub(crate) drug: Option<&'static Drug>,
}

const fn episode(
    diagnosis: Diagnosis,
    ages: std::ops::Range<f64>,
    days: i64,
    fever: bool,
    words: [&'static str; 3],
    drug: Option<&'static Drug>,
) -> Episode {
    Episode {
        diagnosis,
        ages,
        days,
        fever,
        complaint: words[0],
        finding: words[1],
        plan: words[2],
        drug,
    }
}

pub(crate) const EPISODES: &[Episode] = &[
    episode(
        diagnosis("54150009", "J06.9", "Upper respiratory infection"),
        0.2..120.0,
        9,
        false,
        [
            "Runny nose, cough and sore throat for three days.",
            "Nasal congestion, throat mildly red, chest clear.",
            "Fluids and rest. Return if fever or breathlessness.",
        ],
        None,
    ),
    episode(
        diagnosis("3110003", "H66.90", "Acute otitis media"),
        0.5..10.0,
        10,
        true,
        [
            "Ear pain since last night, irritable, poor sleep.",
            "Right eardrum red and bulging.",
            "Antibiotic for ten days, pain relief, recheck if not better in three days.",
        ],
        Some(&AMOXICILLIN),
    ),
    episode(
        diagnosis("43878008", "J02.0", "Streptococcal sore throat"),
        4.0..45.0,
        10,
        true,
        [
            "Sore throat and fever for two days, no cough.",
            "Tonsils swollen with exudate, tender neck nodes; rapid test positive.",
            "Penicillin for ten days; home until 24 hours after the first dose.",
        ],
        Some(&PENICILLIN),
    ),
    episode(
        diagnosis("68566005", "N39.0", "Urinary tract infection"),
        16.0..110.0,
        7,
        false,
        [
            "Burning and frequency for two days, no flank pain.",
            "Suprapubic tenderness; dipstick positive for leucocytes and nitrite.",
            "Nitrofurantoin for five days; culture sent.",
        ],
        Some(&NITROFURANTOIN),
    ),
    episode(
        diagnosis("44465007", "S93.409A", "Sprain of ankle"),
        8.0..70.0,
        28,
        false,
        [
            "Turned the ankle yesterday, walks with pain.",
            "Lateral swelling, no bony tenderness; Ottawa rules negative.",
            "Rest, ice, compression, elevation; ibuprofen with food.",
        ],
        Some(&IBUPROFEN),
    ),
    episode(
        diagnosis("25374005", "K52.9", "Gastroenteritis"),
        0.5..90.0,
        5,
        false,
        [
            "Vomiting and loose stools since yesterday, drinking small amounts.",
            "Abdomen soft, mild diffuse tenderness, well hydrated.",
            "Oral rehydration, light diet; return if no urine for eight hours.",
        ],
        None,
    ),
    episode(
        diagnosis("279039007", "M54.50", "Low back pain"),
        20.0..85.0,
        42,
        false,
        [
            "Low back pain after lifting, no leg weakness or numbness.",
            "Paraspinal tenderness, straight leg raise negative, reflexes equal.",
            "Stay active, naproxen as needed, physiotherapy if not better in four weeks.",
        ],
        Some(&NAPROXEN),
    ),
    episode(
        diagnosis("10509002", "J20.9", "Acute bronchitis"),
        18.0..95.0,
        18,
        false,
        [
            "Cough with clear sputum for a week.",
            "Scattered rhonchi, no focal crackles.",
            "Symptomatic care; cough may last three weeks.",
        ],
        None,
    ),
];

/// A prescribable product and how it is taken.
#[derive(Debug, PartialEq)]
pub(crate) struct Drug {
    pub(crate) rxnorm: &'static str,
    pub(crate) text: &'static str,
    pub(crate) dose: f64,
    pub(crate) unit: &'static str,
    pub(crate) per_day: u8,
    pub(crate) as_needed: bool,
    pub(crate) route: (&'static str, &'static str),
    pub(crate) instruction: &'static str,
}

impl Drug {
    pub(crate) fn concept(&self) -> Value {
        json!({ "coding": [coding(RXNORM, self.rxnorm, self.text)], "text": self.text })
    }
}

const ORAL: (&str, &str) = ("26643006", "Oral route");
const INHALED: (&str, &str) = ("447694001", "Respiratory tract route");
const SKIN: (&str, &str) = ("6064005", "Topical route");

const fn tablet(
    rxnorm: &'static str,
    text: &'static str,
    per_day: u8,
    instruction: &'static str,
) -> Drug {
    Drug {
        rxnorm,
        text,
        dose: 1.0,
        unit: "tablet",
        per_day,
        as_needed: false,
        route: ORAL,
        instruction,
    }
}

const fn as_needed(drug: Drug) -> Drug {
    Drug {
        as_needed: true,
        ..drug
    }
}

const fn form(
    drug: Drug,
    dose: f64,
    unit: &'static str,
    route: (&'static str, &'static str),
) -> Drug {
    Drug {
        dose,
        unit,
        route,
        ..drug
    }
}

pub(crate) static METFORMIN: Drug = tablet(
    "861007",
    "Metformin hydrochloride 500 MG Oral Tablet",
    2,
    "1 tablet twice a day with meals",
);
pub(crate) static METFORMIN_FULL: Drug = tablet(
    "861004",
    "Metformin hydrochloride 1000 MG Oral Tablet",
    2,
    "1 tablet twice a day with meals",
);
pub(crate) static LISINOPRIL: Drug = tablet(
    "314076",
    "Lisinopril 10 MG Oral Tablet",
    1,
    "1 tablet every morning",
);
pub(crate) static LISINOPRIL_FULL: Drug = tablet(
    "314077",
    "Lisinopril 20 MG Oral Tablet",
    1,
    "1 tablet every morning",
);
pub(crate) static AMLODIPINE: Drug = tablet(
    "197361",
    "Amlodipine 5 MG Oral Tablet",
    1,
    "1 tablet every morning",
);
pub(crate) static ATORVASTATIN: Drug = tablet(
    "617310",
    "Atorvastatin 20 MG Oral Tablet",
    1,
    "1 tablet at night",
);
pub(crate) static LEVOTHYROXINE: Drug = tablet(
    "966221",
    "Levothyroxine sodium 0.05 MG Oral Tablet",
    1,
    "1 tablet on an empty stomach, 30 minutes before breakfast",
);
pub(crate) static SERTRALINE: Drug = tablet(
    "312941",
    "Sertraline 50 MG Oral Tablet",
    1,
    "1 tablet every morning",
);
pub(crate) static APIXABAN: Drug = tablet(
    "1364445",
    "Apixaban 5 MG Oral Tablet",
    2,
    "1 tablet twice a day",
);
pub(crate) static ACETAMINOPHEN: Drug = as_needed(tablet(
    "313782",
    "Acetaminophen 325 MG Oral Tablet",
    4,
    "2 tablets up to four times a day if needed",
));
pub(crate) static OMEPRAZOLE: Drug = form(
    tablet(
        "198051",
        "Omeprazole 20 MG Delayed Release Oral Capsule",
        1,
        "1 capsule before breakfast",
    ),
    1.0,
    "capsule",
    ORAL,
);
pub(crate) static LORATADINE: Drug = as_needed(tablet(
    "311372",
    "Loratadine 10 MG Oral Tablet",
    1,
    "1 tablet a day in the pollen season",
));
pub(crate) static ALBUTEROL: Drug = as_needed(form(
    tablet(
        "745679",
        "200 ACTUAT Albuterol 0.09 MG/ACTUAT Metered Dose Inhaler",
        4,
        "2 puffs up to four times a day if wheezing",
    ),
    2.0,
    "puff",
    INHALED,
));
pub(crate) static FLUTICASONE: Drug = form(
    tablet(
        "895994",
        "120 ACTUAT Fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler",
        2,
        "2 puffs twice a day, rinse the mouth",
    ),
    2.0,
    "puff",
    INHALED,
);
pub(crate) static SALMETEROL: Drug = form(
    tablet(
        "896209",
        "60 ACTUAT Fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT Dry Powder Inhaler",
        2,
        "1 inhalation twice a day",
    ),
    1.0,
    "puff",
    INHALED,
);
pub(crate) static HYDROCORTISONE: Drug = as_needed(form(
    tablet(
        "106258",
        "Hydrocortisone 10 MG/ML Topical Cream",
        2,
        "Thin layer on the affected skin twice a day",
    ),
    1.0,
    "application",
    SKIN,
));
pub(crate) static FOLIC_ACID: Drug =
    tablet("310410", "Folic acid 1 MG Oral Tablet", 1, "1 tablet a day");
pub(crate) static AMOXICILLIN: Drug = form(
    tablet(
        "308182",
        "Amoxicillin 250 MG Oral Capsule",
        2,
        "1 capsule twice a day for ten days",
    ),
    1.0,
    "capsule",
    ORAL,
);
pub(crate) static PENICILLIN: Drug = tablet(
    "834061",
    "Penicillin V Potassium 250 MG Oral Tablet",
    3,
    "1 tablet three times a day for ten days",
);
pub(crate) static NITROFURANTOIN: Drug = form(
    tablet(
        "1648755",
        "Nitrofurantoin, macrocrystals 25 MG / Nitrofurantoin, monohydrate 75 MG Oral Capsule",
        2,
        "1 capsule twice a day for five days",
    ),
    1.0,
    "capsule",
    ORAL,
);
pub(crate) static IBUPROFEN: Drug = as_needed(tablet(
    "310965",
    "Ibuprofen 200 MG Oral Tablet",
    3,
    "1 tablet three times a day with food if in pain",
));
pub(crate) static NAPROXEN: Drug = as_needed(tablet(
    "849574",
    "Naproxen sodium 220 MG Oral Tablet",
    2,
    "1 tablet twice a day with food if in pain",
));

/// Something a person does not tolerate.
pub(crate) struct Allergen {
    pub(crate) system: &'static str,
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
    pub(crate) category: &'static str,
    pub(crate) reactions: &'static [(&'static str, &'static str)],
    pub(crate) severe: bool,
}

const HIVES: (&str, &str) = ("126485001", "Urticaria");
const RASH: (&str, &str) = ("271807003", "Eruption of skin");
const ANAPHYLAXIS: (&str, &str) = ("39579001", "Anaphylaxis");
const SNEEZING: (&str, &str) = ("76067001", "Sneezing");
const NAUSEA: (&str, &str) = ("422587007", "Nausea");
const SWELLING: (&str, &str) = ("41291007", "Angioedema");

pub(crate) const ALLERGENS: &[Allergen] = &[
    Allergen {
        system: RXNORM,
        code: "7980",
        text: "Penicillin G",
        category: "medication",
        reactions: &[HIVES, RASH],
        severe: true,
    },
    Allergen {
        system: RXNORM,
        code: "10831",
        text: "Sulfamethoxazole / Trimethoprim",
        category: "medication",
        reactions: &[RASH],
        severe: false,
    },
    Allergen {
        system: RXNORM,
        code: "1191",
        text: "Aspirin",
        category: "medication",
        reactions: &[HIVES, SWELLING],
        severe: false,
    },
    Allergen {
        system: RXNORM,
        code: "2670",
        text: "Codeine",
        category: "medication",
        reactions: &[NAUSEA],
        severe: false,
    },
    Allergen {
        system: SNOMED,
        code: "762952008",
        text: "Peanut",
        category: "food",
        reactions: &[ANAPHYLAXIS],
        severe: true,
    },
    Allergen {
        system: SNOMED,
        code: "102263004",
        text: "Eggs",
        category: "food",
        reactions: &[HIVES],
        severe: false,
    },
    Allergen {
        system: SNOMED,
        code: "735029006",
        text: "Shellfish",
        category: "food",
        reactions: &[HIVES, SWELLING],
        severe: true,
    },
    Allergen {
        system: SNOMED,
        code: "111088007",
        text: "Latex",
        category: "environment",
        reactions: &[RASH],
        severe: false,
    },
    Allergen {
        system: SNOMED,
        code: "256277009",
        text: "Grass pollen",
        category: "environment",
        reactions: &[SNEEZING],
        severe: false,
    },
    Allergen {
        system: SNOMED,
        code: "260147004",
        text: "House dust mite",
        category: "environment",
        reactions: &[SNEEZING],
        severe: false,
    },
];

/// A vaccine and the ages, in months, at which it is due.
pub(crate) struct Vaccine {
    pub(crate) cvx: &'static str,
    pub(crate) text: &'static str,
    pub(crate) months: &'static [u16],
}

pub(crate) const CHILDHOOD: &[Vaccine] = &[
    Vaccine {
        cvx: "08",
        text: "Hep B, adolescent or pediatric",
        months: &[0, 2, 6],
    },
    Vaccine {
        cvx: "119",
        text: "Rotavirus, monovalent",
        months: &[2, 4],
    },
    Vaccine {
        cvx: "20",
        text: "DTaP",
        months: &[2, 4, 6, 15, 48],
    },
    Vaccine {
        cvx: "49",
        text: "Hib (PRP-OMP)",
        months: &[2, 4, 12],
    },
    Vaccine {
        cvx: "133",
        text: "Pneumococcal conjugate PCV 13",
        months: &[2, 4, 6, 12],
    },
    Vaccine {
        cvx: "10",
        text: "IPV",
        months: &[2, 4, 6, 48],
    },
    Vaccine {
        cvx: "03",
        text: "MMR",
        months: &[12, 48],
    },
    Vaccine {
        cvx: "21",
        text: "Varicella",
        months: &[12, 48],
    },
    Vaccine {
        cvx: "83",
        text: "Hep A, ped/adol, 2 dose",
        months: &[12, 18],
    },
    Vaccine {
        cvx: "115",
        text: "Tdap",
        months: &[132],
    },
    Vaccine {
        cvx: "165",
        text: "HPV, 9-valent",
        months: &[132, 144],
    },
    Vaccine {
        cvx: "114",
        text: "Meningococcal MCV4P",
        months: &[132, 192],
    },
];

pub(crate) const INFLUENZA: Vaccine = Vaccine {
    cvx: "140",
    text: "Influenza, seasonal, injectable, preservative free",
    months: &[],
};
pub(crate) const TETANUS: Vaccine = Vaccine {
    cvx: "113",
    text: "Td (adult) preservative free",
    months: &[],
};
pub(crate) const ZOSTER: Vaccine = Vaccine {
    cvx: "187",
    text: "Zoster recombinant",
    months: &[],
};
pub(crate) const PNEUMOCOCCAL: Vaccine = Vaccine {
    cvx: "33",
    text: "Pneumococcal polysaccharide vaccine, 23 valent",
    months: &[],
};

/// What is measured: LOINC, name, unit as shown, UCUM code, digits, reference range.
#[derive(Debug)]
pub(crate) struct Measure {
    pub(crate) loinc: &'static str,
    pub(crate) text: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) ucum: &'static str,
    pub(crate) digits: i32,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
}

const fn measure(
    loinc: &'static str,
    text: &'static str,
    unit: [&'static str; 2],
    digits: i32,
    low: Option<f64>,
    high: Option<f64>,
) -> Measure {
    Measure {
        loinc,
        text,
        unit: unit[0],
        ucum: unit[1],
        digits,
        low,
        high,
    }
}

const MG_DL: [&str; 2] = ["mg/dL", "mg/dL"];
const MMOL: [&str; 2] = ["mmol/L", "mmol/L"];
const PER_MINUTE: [&str; 2] = ["/min", "/min"];

pub(crate) static SYSTOLIC: Measure = measure(
    "8480-6",
    "Systolic blood pressure",
    ["mm[Hg]", "mm[Hg]"],
    0,
    Some(90.0),
    Some(130.0),
);
pub(crate) static DIASTOLIC: Measure = measure(
    "8462-4",
    "Diastolic blood pressure",
    ["mm[Hg]", "mm[Hg]"],
    0,
    Some(60.0),
    Some(85.0),
);
pub(crate) static HEART_RATE: Measure = measure("8867-4", "Heart rate", PER_MINUTE, 0, None, None);
pub(crate) static RESPIRATION: Measure =
    measure("9279-1", "Respiratory rate", PER_MINUTE, 0, None, None);
pub(crate) static TEMPERATURE: Measure = measure(
    "8310-5",
    "Body temperature",
    ["°C", "Cel"],
    1,
    Some(36.1),
    Some(37.5),
);
pub(crate) static SATURATION: Measure = measure(
    "59408-5",
    "Oxygen saturation",
    ["%", "%"],
    0,
    Some(94.0),
    Some(100.0),
);
pub(crate) static WEIGHT: Measure = measure("29463-7", "Body weight", ["kg", "kg"], 1, None, None);
pub(crate) static HEIGHT: Measure = measure("8302-2", "Body height", ["cm", "cm"], 1, None, None);
pub(crate) static BMI: Measure = measure(
    "39156-5",
    "Body mass index",
    ["kg/m2", "kg/m2"],
    1,
    None,
    None,
);
pub(crate) static HEAD: Measure =
    measure("9843-4", "Head circumference", ["cm", "cm"], 1, None, None);
pub(crate) static FETAL_HEART: Measure = measure(
    "55283-6",
    "Fetal heart rate",
    PER_MINUTE,
    0,
    Some(110.0),
    Some(160.0),
);
pub(crate) static FUNDAL_HEIGHT: Measure = measure(
    "11881-0",
    "Uterus fundal height",
    ["cm", "cm"],
    0,
    None,
    None,
);
pub(crate) static PEAK_FLOW: Measure = measure(
    "33452-4",
    "Maximum expiratory gas flow",
    ["L/min", "L/min"],
    0,
    None,
    None,
);
pub(crate) static PHQ9: Measure = measure(
    "44261-6",
    "PHQ-9 total score",
    ["{score}", "{score}"],
    0,
    Some(0.0),
    Some(4.0),
);

pub(crate) static HBA1C: Measure = measure(
    "4548-4",
    "Hemoglobin A1c",
    ["%", "%"],
    1,
    Some(4.0),
    Some(5.6),
);
pub(crate) static GLUCOSE: Measure = measure("2345-7", "Glucose", MG_DL, 0, Some(70.0), Some(99.0));
pub(crate) static CREATININE: Measure =
    measure("2160-0", "Creatinine", MG_DL, 2, Some(0.6), Some(1.2));
pub(crate) static UREA: Measure =
    measure("3094-0", "Urea nitrogen", MG_DL, 0, Some(7.0), Some(20.0));
pub(crate) static SODIUM: Measure = measure("2951-2", "Sodium", MMOL, 0, Some(135.0), Some(145.0));
pub(crate) static POTASSIUM: Measure =
    measure("2823-3", "Potassium", MMOL, 1, Some(3.5), Some(5.1));
pub(crate) static CALCIUM: Measure = measure("17861-6", "Calcium", MG_DL, 1, Some(8.6), Some(10.3));
pub(crate) static EGFR: Measure = measure(
    "98979-8",
    "Glomerular filtration rate by CKD-EPI 2021",
    ["mL/min/1.73m2", "mL/min/{1.73_m2}"],
    0,
    Some(60.0),
    None,
);
pub(crate) static ALBUMIN_CREATININE: Measure = measure(
    "9318-7",
    "Albumin/Creatinine ratio in urine",
    ["mg/g", "mg/g"],
    0,
    Some(0.0),
    Some(30.0),
);
pub(crate) static CHOLESTEROL: Measure =
    measure("2093-3", "Total cholesterol", MG_DL, 0, None, Some(200.0));
pub(crate) static TRIGLYCERIDE: Measure =
    measure("2571-8", "Triglycerides", MG_DL, 0, None, Some(150.0));
pub(crate) static HDL: Measure = measure("2085-9", "HDL cholesterol", MG_DL, 0, Some(40.0), None);
pub(crate) static LDL: Measure = measure(
    "13457-7",
    "LDL cholesterol, calculated",
    MG_DL,
    0,
    None,
    Some(130.0),
);
pub(crate) static TSH: Measure = measure(
    "3016-3",
    "Thyrotropin",
    ["m[IU]/L", "m[IU]/L"],
    2,
    Some(0.4),
    Some(4.5),
);
pub(crate) static FREE_T4: Measure = measure(
    "3024-7",
    "Thyroxine, free",
    ["ng/dL", "ng/dL"],
    2,
    Some(0.8),
    Some(1.8),
);
pub(crate) static WHITE_CELLS: Measure = measure(
    "6690-2",
    "Leukocytes",
    ["10*3/uL", "10*3/uL"],
    1,
    Some(4.5),
    Some(11.0),
);
pub(crate) static HEMOGLOBIN: Measure = measure(
    "718-7",
    "Hemoglobin",
    ["g/dL", "g/dL"],
    1,
    Some(12.0),
    Some(16.5),
);
pub(crate) static PLATELETS: Measure = measure(
    "777-3",
    "Platelets",
    ["10*3/uL", "10*3/uL"],
    0,
    Some(150.0),
    Some(400.0),
);
