//! Names of keys.

/// A key of AWS KMS by its ARN: `arn:aws:kms:eu-west-1:111122223333:key/…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyArn {
    text: String,
    region: String,
    /// Of the partition's endpoints.
    domain: &'static str,
}

/// Why a URI names no key that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Another service than AWS KMS.
    #[error("only keys of AWS KMS can be used: awskms:///arn:aws:kms:…")]
    Scheme,
    /// An alias may name another key tomorrow, which would open nothing.
    #[error("an alias can be moved to another key: give the ARN of the key itself")]
    Alias,
    /// Not an ARN of a key.
    #[error("the ARN of a key is expected: arn:aws:kms:REGION:ACCOUNT:key/ID")]
    Arn,
}

impl KeyArn {
    /// Reads `awskms:///ARN`.
    ///
    /// # Errors
    /// [`UriError`].
    pub fn from_uri(uri: &str) -> Result<Self, UriError> {
        Self::parse(uri.strip_prefix("awskms:///").ok_or(UriError::Scheme)?)
    }

    /// Reads an ARN.
    ///
    /// # Errors
    /// [`UriError`].
    pub fn parse(arn: &str) -> Result<Self, UriError> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", partition, "kms", region, account, key] = parts[..] else {
            return Err(UriError::Arn);
        };
        let domain = match partition {
            "aws" | "aws-us-gov" => "amazonaws.com",
            "aws-cn" => "amazonaws.com.cn",
            _ => return Err(UriError::Arn),
        };
        if key.starts_with("alias/") {
            return Err(UriError::Alias);
        }
        let plain = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let named = key.strip_prefix("key/").is_some_and(plain);
        if !named || !plain(region) || !plain(account) {
            return Err(UriError::Arn);
        }
        Ok(Self {
            text: arn.to_owned(),
            region: region.to_owned(),
            domain,
        })
    }

    /// The ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As an entry of a list of master keys names it.
    pub fn to_uri(&self) -> String {
        format!("awskms:///{}", self.text)
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    pub(super) fn domain(&self) -> &'static str {
        self.domain
    }
}

impl std::fmt::Display for KeyArn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v2_a_uri_names_one_key_of_one_region() {
        let text = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab";
        let arn = KeyArn::from_uri(&format!("awskms:///{text}")).unwrap();
        assert_eq!((arn.as_str(), arn.region()), (text, "eu-west-1"));
        assert_eq!(KeyArn::from_uri(&arn.to_uri()).unwrap(), arn);
        let china = KeyArn::parse("arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1").unwrap();
        assert_eq!(china.domain(), "amazonaws.com.cn");
        for (uri, expected) in [
            ("gcpkms://projects/p", UriError::Scheme),
            ("awskms://host/arn:aws:kms:r:1:key/k", UriError::Scheme),
            ("awskms:///arn:aws:kms:r:1:alias/a", UriError::Alias),
            ("awskms:///arn:aws:s3:r:1:key/k", UriError::Arn),
            ("awskms:///arn:aws:kms:r.evil/:1:key/k", UriError::Arn),
            ("awskms:///arn:aws:kms::1:key/k", UriError::Arn),
            ("awskms:///arn:aws:kms:r:1:key/", UriError::Arn),
            ("awskms:///1234abcd", UriError::Arn),
        ] {
            assert_eq!(KeyArn::from_uri(uri).unwrap_err(), expected, "{uri}");
        }
    }
}
