//! Signed tokens of others (RFC 7515) and the public keys they are checked with (RFC 7517).
//!
//! Only signatures: what a token claims, the caller checks. Only algorithms with two keys are
//! known here, so that neither an unsigned token nor one "signed" with a public key as a shared
//! secret can pass.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// Longest token that is looked at.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Keys of one set at most.
const MAX_KEYS: usize = 64;

/// Bytes of an RSA modulus: 2048 to 8192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// How a token may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with PKCS #1 1.5 padding, SHA-256.
    Rs256,
    /// RSA with PKCS #1 1.5 padding, SHA-384.
    Rs384,
    /// RSA-PSS, SHA-256.
    Ps256,
    /// ECDSA on P-256, SHA-256.
    Es256,
    /// ECDSA on P-384, SHA-384.
    Es384,
}

impl Algorithm {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [
            Self::Rs256,
            Self::Rs384,
            Self::Ps256,
            Self::Es256,
            Self::Es384,
        ]
        .into_iter()
        .find(|algorithm| algorithm.as_str() == name)
    }
}

/// Why a token does not pass. Nothing in it comes from the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// Not a signed token in compact form, or too long.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// The header asks for an extension that must be understood.
    #[error("the token needs an unknown extension")]
    Critical,
    /// Unsigned, or signed in a way that is not taken here.
    #[error("the token is not signed with an algorithm that is taken here")]
    Algorithm,
    /// No known key has the name that the token gives, or fits its algorithm.
    #[error("the token is signed with a key that is not known")]
    KeyUnknown,
    /// The signature does not fit.
    #[error("the signature of the token is wrong")]
    Signature,
}

/// Why a set of keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// Not a JSON Web Key Set.
    #[error("it is not a JSON Web Key Set")]
    NotASet,
    /// A private or symmetric key is among them.
    #[error("it holds a private or shared key: only public keys belong here")]
    Private,
    /// A key cannot be used.
    #[error("a key cannot be used: RSA of 2048 bits or more, or EC on P-256 or P-384, is needed")]
    Unusable,
    /// A key without a name, or two with the same.
    #[error("each key needs a kid of its own")]
    Names,
    /// No key.
    #[error("it holds no key")]
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PublicKey {
    kid: Option<String>,
    algorithm: Option<String>,
    material: Material,
}

/// Public keys of one issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Vec<PublicKey>);

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde::de::IgnoredAny>,
    k: Option<serde::de::IgnoredAny>,
}

impl Jwk {
    fn material(&self) -> Option<Material> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let short = |bytes: Vec<u8>| -> Vec<u8> {
                    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
                };
                let (n, e) = (short(bytes(&self.n)?), short(bytes(&self.e)?));
                (RSA_BYTES.contains(&n.len()) && (1..=8).contains(&e.len()))
                    .then_some(Material::Rsa { n, e })
            }
            ("EC", Some("P-256")) => self.point(32).map(Material::P256),
            ("EC", Some("P-384")) => self.point(48).map(Material::P384),
            _ => None,
        }
    }

    /// The uncompressed point of SEC 1.
    fn point(&self, length: usize) -> Option<Vec<u8>> {
        let mut point = vec![4];
        for part in [&self.x, &self.y] {
            let bytes = URL_SAFE_NO_PAD.decode(part.as_deref()?).ok()?;
            if bytes.len() != length {
                return None;
            }
            point.extend(bytes);
        }
        Some(point)
    }
}

impl KeySet {
    /// Reads what a provider publishes. Keys that are not for signing or not known here are
    /// passed over, as RFC 7517 asks.
    ///
    /// # Errors
    /// [`KeysError::NotASet`].
    pub fn published(set: &Value) -> Result<Self, KeysError> {
        let keys = listed(set)?
            .iter()
            .take(MAX_KEYS)
            .filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok())
            .filter(|key| key.usage.as_deref().is_none_or(|usage| usage == "sig"))
            .filter_map(|key| {
                Some(PublicKey {
                    material: key.material()?,
                    kid: key.kid,
                    algorithm: key.alg,
                })
            })
            .collect();
        Ok(Self(keys))
    }

    /// The names of the keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|key| key.kid.as_deref())
    }

    /// Reads what an operator registers: every key must be public, usable and named.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn registered(set: &Value) -> Result<Self, KeysError> {
        let mut keys: Vec<PublicKey> = Vec::new();
        for key in listed(set)? {
            let key: Jwk = serde_json::from_value(key.clone()).map_err(|_| KeysError::NotASet)?;
            if key.d.is_some() || key.k.is_some() || key.kty == "oct" {
                return Err(KeysError::Private);
            }
            let material = key.material().ok_or(KeysError::Unusable)?;
            let fresh = key
                .kid
                .as_ref()
                .is_some_and(|kid| !kid.is_empty() && keys.iter().all(|k| k.kid != key.kid));
            if !fresh {
                return Err(KeysError::Names);
            }
            keys.push(PublicKey {
                material,
                kid: key.kid,
                algorithm: key.alg,
            });
        }
        if keys.is_empty() || keys.len() > MAX_KEYS {
            return Err(KeysError::Empty);
        }
        Ok(Self(keys))
    }
}

fn listed(set: &Value) -> Result<&Vec<Value>, KeysError> {
    set.get("keys")
        .and_then(Value::as_array)
        .ok_or(KeysError::NotASet)
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

/// A token, taken apart and not yet believed.
pub struct Token<'t> {
    header: Header,
    signed: &'t str,
    signature: Vec<u8>,
    claims: Vec<u8>,
}

impl<'t> Token<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`JoseError::Malformed`] or [`JoseError::Critical`].
    pub fn read(text: &'t str) -> Result<Self, JoseError> {
        if text.len() > MAX_LENGTH {
            return Err(JoseError::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JoseError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(JoseError::Malformed)?;
        let decode = |part: &str| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|_| JoseError::Malformed)
        };
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| JoseError::Malformed)?;
        if header.crit.is_some() {
            return Err(JoseError::Critical);
        }
        Ok(Self {
            header,
            signed,
            signature: decode(signature)?,
            claims: decode(claims)?,
        })
    }

    /// What the header says the token is.
    pub fn kind(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// What an unbelieved token claims: to look up by whose keys it must be verified, for nothing
    /// else.
    pub fn unverified(&self) -> Option<Value> {
        serde_json::from_slice(&self.claims).ok()
    }

    /// The claims, if one of the keys signed them with one of the algorithms.
    ///
    /// # Errors
    /// [`JoseError`].
    pub fn verified(&self, keys: &KeySet, allowed: &[Algorithm]) -> Result<Value, JoseError> {
        let algorithm = Algorithm::parse(&self.header.alg)
            .filter(|algorithm| allowed.contains(algorithm))
            .ok_or(JoseError::Algorithm)?;
        let mut tried = false;
        for key in &keys.0 {
            let named = self.header.kid.is_none() || key.kid == self.header.kid;
            let meant = key
                .algorithm
                .as_deref()
                .is_none_or(|name| name == algorithm.as_str());
            if !named || !meant {
                continue;
            }
            match self.signed_with(&key.material, algorithm) {
                Some(true) => {
                    return serde_json::from_slice(&self.claims).map_err(|_| JoseError::Malformed);
                }
                Some(false) => tried = true,
                None => {}
            }
        }
        Err(if tried {
            JoseError::Signature
        } else {
            JoseError::KeyUnknown
        })
    }

    /// Whether the key made the signature; none if it cannot have, by its kind.
    fn signed_with(&self, key: &Material, algorithm: Algorithm) -> Option<bool> {
        let message = self.signed.as_bytes();
        let rsa = |parameters: &'static RsaParameters| match key {
            Material::Rsa { n, e } => Some(
                RsaPublicKeyComponents { n, e }
                    .verify(parameters, message, &self.signature)
                    .is_ok(),
            ),
            _ => None,
        };
        let point = |algorithm, point: &Vec<u8>| {
            UnparsedPublicKey::new(algorithm, point)
                .verify(message, &self.signature)
                .is_ok()
        };
        match (algorithm, key) {
            (Algorithm::Rs256, _) => rsa(&RSA_PKCS1_2048_8192_SHA256),
            (Algorithm::Rs384, _) => rsa(&RSA_PKCS1_2048_8192_SHA384),
            (Algorithm::Ps256, _) => rsa(&RSA_PSS_2048_8192_SHA256),
            (Algorithm::Es256, Material::P256(key)) => Some(point(&ECDSA_P256_SHA256_FIXED, key)),
            (Algorithm::Es384, Material::P384(key)) => Some(point(&ECDSA_P384_SHA384_FIXED, key)),
            (Algorithm::Es256 | Algorithm::Es384, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// RFC 7515, appendix A.3: ES256.
    const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"a3",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    /// RFC 7515, appendix A.2: RS256.
    const RSA: &str = r#"{"kty":"RSA","kid":"a2","e":"AQAB",
        "n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
    const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

    fn set(keys: &[&str]) -> Value {
        let keys: Vec<Value> = keys
            .iter()
            .map(|key| serde_json::from_str(key).unwrap())
            .collect();
        json!({ "keys": keys })
    }

    const ALL: [Algorithm; 5] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Ps256,
        Algorithm::Es256,
        Algorithm::Es384,
    ];

    #[test]
    fn tokens_of_the_rfc_verify_and_no_changed_one_does() {
        let keys = KeySet::registered(&set(&[KEY, RSA])).unwrap();
        for (text, algorithm) in [(TOKEN, Algorithm::Es256), (RSA_TOKEN, Algorithm::Rs256)] {
            let token = Token::read(text).unwrap();
            assert_eq!(token.verified(&keys, &ALL).unwrap()["iss"], "joe");
            assert_eq!(token.verified(&keys, &[algorithm]).unwrap()["iss"], "joe");
            let others: Vec<Algorithm> = ALL.into_iter().filter(|a| *a != algorithm).collect();
            assert_eq!(token.verified(&keys, &others), Err(JoseError::Algorithm));
            assert_eq!(
                token.verified(&KeySet::default(), &ALL),
                Err(JoseError::KeyUnknown)
            );
            for at in [text.find('.').unwrap() + 3, text.len() - 40] {
                let mut changed = text.to_owned();
                let other = if &changed[at..=at] == "A" { "B" } else { "A" };
                changed.replace_range(at..=at, other);
                let token = Token::read(&changed).unwrap();
                assert!(token.verified(&keys, &ALL).is_err(), "{at}");
            }
        }
    }

    #[test]
    fn unsigned_and_shared_secret_tokens_are_refused() {
        let keys = KeySet::registered(&set(&[KEY, RSA])).unwrap();
        let claims = URL_SAFE_NO_PAD.encode(r#"{"iss":"joe"}"#);
        for alg in ["none", "None", "HS256", "RS512", ""] {
            let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string());
            let text = format!("{header}.{claims}.");
            let token = Token::read(&text).unwrap();
            assert_eq!(token.verified(&keys, &ALL), Err(JoseError::Algorithm));
        }
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","crit":["exp"]}"#);
        let text = format!("{header}.{claims}.");
        assert_eq!(Token::read(&text).err(), Some(JoseError::Critical));
        for text in [
            "",
            "a.b",
            "a.b.c",
            "e30.e30.e30",
            &"x".repeat(MAX_LENGTH + 1),
        ] {
            assert_eq!(Token::read(text).err(), Some(JoseError::Malformed));
        }
    }

    #[test]
    fn only_named_public_keys_are_registered() {
        let refused = |keys: &[&str]| KeySet::registered(&set(keys)).unwrap_err();
        assert_eq!(refused(&[]), KeysError::Empty);
        assert_eq!(refused(&[KEY, KEY]), KeysError::Names);
        assert_eq!(
            refused(&[&KEY.replace("\"kid\":\"a3\",", "")]),
            KeysError::Names
        );
        let private = KEY.replace("\"kid\"", "\"d\":\"AAAA\",\"kid\"");
        assert_eq!(refused(&[&private]), KeysError::Private);
        assert_eq!(
            refused(&[r#"{"kty":"oct","k":"AAAA","kid":"s"}"#]),
            KeysError::Private
        );
        let short = r#"{"kty":"RSA","kid":"r","e":"AQAB","n":"AQAB"}"#;
        assert_eq!(refused(&[short]), KeysError::Unusable);
        assert_eq!(
            KeySet::registered(&json!([])).unwrap_err(),
            KeysError::NotASet
        );
        // A provider's are passed over instead.
        let mixed = set(&[short, r#"{"kty":"OKP","crv":"X","kid":"o"}"#, KEY]);
        let published = KeySet::published(&mixed).unwrap();
        assert_eq!(published, KeySet::registered(&set(&[KEY])).unwrap());
        let encrypting = KEY.replace("\"kid\"", "\"use\":\"enc\",\"kid\"");
        assert_eq!(
            KeySet::published(&set(&[&encrypting])).unwrap(),
            KeySet::default()
        );
    }
}
