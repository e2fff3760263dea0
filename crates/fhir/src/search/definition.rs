//! The search parameters of each type, as HL7 defines them.

/// What kind of values a parameter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParamKind {
    /// Words: names, addresses.
    String,
    /// Codes and identifiers.
    Token,
    /// Dates and times.
    Date,
    /// References to other resources.
    Reference,
    /// Amounts with units.
    Quantity,
    /// Addresses of definitions.
    Uri,
}

/// One search parameter of one type.
#[derive(Debug)]
pub struct SearchParam {
    /// Its name in queries (`birthdate`).
    pub code: &'static str,
    /// What kind of values it has.
    pub kind: ParamKind,
    /// HL7's expression, cut to this type.
    pub expression: &'static str,
    /// The types a reference may point to; empty for other kinds.
    pub targets: Vec<&'static str>,
}

/// The parameters of a type, sorted by name; none for types that Rounds does not keep.
#[must_use]
pub fn params(_resource_type: &str) -> &'static [SearchParam] {
    &[]
}

/// One parameter of a type by name.
#[must_use]
pub fn param(resource_type: &str, code: &str) -> Option<&'static SearchParam> {
    params(resource_type)
        .iter()
        .find(|param| param.code == code)
}
