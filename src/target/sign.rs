//! Signed assertions (wire.md 4.2, RFC 7515, RFC 7518).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};

use super::settings::SetupFault;
use crate::wire::{Fault, FaultKind};

/// A private key that signs.
pub(super) struct Signer {
    key: Key,
    random: SystemRandom,
    /// Encoded header of every assertion.
    header: String,
}

enum Key {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

impl Signer {
    /// Reads the key: RSA (PKCS#1 or PKCS#8) or P-256 (PKCS#8).
    pub fn new(pem: &SecretString) -> Result<Self, SetupFault> {
        let fail = |message: &str| {
            Err(SetupFault::new(message, "give an unencrypted PEM key in PKCS#8, RSA of 2048 bits or more, or P-256"))
        };
        let random = SystemRandom::new();
        let key = match PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()) {
            Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map(Key::Rsa).ok(),
            Ok(PrivateKeyDer::Pkcs8(der)) => {
                let der = der.secret_pkcs8_der();
                let rsa = RsaKeyPair::from_pkcs8(der).map(Key::Rsa).ok();
                rsa.or_else(|| {
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random).map(Key::P256).ok()
                })
            }
            Ok(_) => return fail("the key for assertions is in a form that is not supported"),
            Err(_) => return fail("the key for assertions is no private key in PEM"),
        };
        let Some(key) = key else { return fail("the key for assertions cannot be used") };
        let (algorithm, public) = match &key {
            Key::Rsa(key) => ("RS256", key.public_key().as_ref()),
            Key::P256(key) => ("ES256", key.public_key().as_ref()),
        };
        let id = URL_SAFE_NO_PAD.encode(digest(&SHA256, public));
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{id}"}}"#));
        Ok(Self { key, random, header })
    }

    /// A compact JWS over `claims`.
    pub fn sign(&self, claims: &str) -> Result<SecretString, Fault> {
        let fail = |_| Fault::new(FaultKind::Token, "the assertion cannot be signed");
        let text = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &self.random, text.as_bytes(), &mut signature).map_err(fail)?;
                signature
            }
            Key::P256(key) => key.sign(&self.random, text.as_bytes()).map_err(fail)?.as_ref().to_vec(),
        };
        Ok(SecretString::from(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    #[test]
    fn signatures_verify() {
        let keys = [("RS256", include_str!("testdata/rsa.key")), ("ES256", include_str!("testdata/p256.key"))];
        for (algorithm, pem) in keys {
            let signer = Signer::new(&SecretString::from(pem)).expect(algorithm);
            let jws = signer.sign(r#"{"iss":"x"}"#).expect(algorithm);
            let (text, signature) = jws.expose_secret().rsplit_once('.').expect("three parts");
            let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
            let (header, claims) = text.split_once('.').expect("three parts");
            let header = URL_SAFE_NO_PAD.decode(header).expect("base64url");
            let header: serde_json::Value = serde_json::from_slice(&header).expect("JSON");
            assert_eq!((header["alg"].as_str(), header["typ"].as_str()), (Some(algorithm), Some("JWT")));
            assert_eq!(URL_SAFE_NO_PAD.decode(claims).expect("base64url"), br#"{"iss":"x"}"#);
            let verified = match &signer.key {
                Key::Rsa(key) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key())
                    .verify(text.as_bytes(), &signature),
                Key::P256(key) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key())
                    .verify(text.as_bytes(), &signature),
            };
            assert!(verified.is_ok(), "{algorithm}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for pem in ["", "secret", include_str!("testdata/leaf.pem")] {
            assert!(Signer::new(&SecretString::from(pem)).is_err());
        }
    }
}
