//! Every row is a token that must be refused, with the reason that is told.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causerie_protocol::Timestamp;
use serde_json::{Value, json};

use super::keys::{Pair, hmac_sha256, key_set, message};
use super::{NOW, NOW_S, claims, with};
use crate::auth::claims::Rules;
use crate::auth::jwks;
use crate::auth::key::{Algorithm, Key};
use crate::auth::keyset::KeySet;
use crate::auth::verify::{Reject, verify};
use crate::config;

fn rules() -> Rules {
    Rules::new(&config::Auth::default())
}

fn check(name: &str, token: &str, keys: &KeySet, rules: &Rules, expected: &str) {
    let outcome = match verify(token, keys, rules, NOW) {
        Ok(_) => "accepted".to_owned(),
        Err(Reject::UnknownKey) => "unknown key".to_owned(),
        Err(Reject::Expired) => "expired".to_owned(),
        Err(Reject::Refused(reason)) => reason,
    };
    assert_eq!(outcome, expected, "{name}");
}

#[test]
fn every_algorithm_is_accepted_from_its_own_key() {
    let pairs = [Pair::ed25519(), Pair::p256(), Pair::rsa()];
    for pair in &pairs {
        let token = pair.token("k", &claims());
        check(pair.algorithm(), &token, &key_set(&[pair.jwk("k")]), &rules(), "accepted");
        let no_id = pair.sign(&json!({ "alg": pair.algorithm() }), &claims());
        let set = key_set(&pairs.each_ref().map(|pair| pair.jwk("k")));
        check("no id, the only key of its algorithm", &no_id, &set, &rules(), "accepted");
    }
    for (pair, algorithm) in pairs.iter().zip([Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256]) {
        let set = KeySet::new(vec![Key::pem(pair.pem().as_bytes(), algorithm).unwrap()]);
        check(
            "from PEM; an id says nothing to a key without one",
            &pair.token("any", &claims()),
            &set,
            &rules(),
            "accepted",
        );
    }
    let set = KeySet::new(vec![Key::secret(&[7; 32]).unwrap()]);
    check("HS256", &Pair::secret().token("k", &claims()), &set, &rules(), "accepted");
}

#[test]
fn the_algorithm_belongs_to_the_key() {
    let (rsa, p256, ed25519) = (Pair::rsa(), Pair::p256(), Pair::ed25519());
    let set = key_set(&[rsa.jwk("rsa"), p256.jwk("p256"), ed25519.jwk("ed")]);
    let of_key = "its algorithm is not that of the key";
    for alg in ["none", "None", "nOnE", "HS256", "HS384", "RS512", "PS256", "ES256", "", "rs256"] {
        let token = rsa.sign(&json!({ "alg": alg, "kid": "rsa" }), &claims());
        check(alg, &token, &set, &rules(), of_key);
    }
    for alg in ["none", "HS256"] {
        let unsigned = format!("{}.", message(&json!({ "alg": alg, "kid": "rsa" }), &claims()));
        check("without a signature", &unsigned, &set, &rules(), of_key);
    }
    let header = json!({ "alg": "HS256", "kid": "rsa" });
    let message = message(&header, &claims());
    for public in [rsa.pem().into_bytes(), rsa.jwk("rsa")["n"].as_str().unwrap().as_bytes().to_vec()] {
        let signature = URL_SAFE_NO_PAD.encode(hmac_sha256(&public, message.as_bytes()));
        check("the public key as an HMAC secret", &format!("{message}.{signature}"), &set, &rules(), of_key);
    }
    let other_key = p256.sign(&json!({ "alg": "ES256", "kid": "ed" }), &claims());
    check("another key's id", &other_key, &set, &rules(), of_key);
}

#[test]
fn a_header_brings_no_key_and_no_demands() {
    let pair = Pair::ed25519();
    let set = key_set(&[pair.jwk("k")]);
    let attacker = Pair::ed25519();
    for (name, value) in [
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("jwk", attacker.jwk("k")),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
    ] {
        let header = with(json!({ "alg": "EdDSA", "kid": "k" }), &json!({ name: value }));
        check(name, &attacker.sign(&header, &claims()), &set, &rules(), &format!("its header has `{name}`"));
        check(name, &pair.sign(&header, &claims()), &set, &rules(), &format!("its header has `{name}`"));
    }
    for key_id in ["../../dev/null", "' OR 1=1 --", "other", "K"] {
        check(key_id, &pair.token(key_id, &claims()), &set, &rules(), "unknown key");
    }
    for header in [
        json!({ "kid": "k" }),
        json!({ "alg": 5 }),
        json!({ "alg": "EdDSA", "kid": ["k"] }),
        json!([]),
        json!(null),
    ] {
        check("header", &pair.sign(&header, &claims()), &set, &rules(), "its header is malformed");
    }
    let twice = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","alg":"EdDSA","kid":"k"}"#);
    let rest = pair.token("k", &claims()).split_once('.').unwrap().1.to_owned();
    check("a name twice", &format!("{twice}.{rest}"), &set, &rules(), "its header is malformed");
}

#[test]
fn a_signature_is_of_this_message_by_this_key() {
    for pair in [Pair::ed25519(), Pair::p256(), Pair::rsa()] {
        let set = key_set(&[pair.jwk("k")]);
        let (message, signature) = {
            let token = pair.token("k", &claims());
            let (message, signature) = token.rsplit_once('.').unwrap();
            (message.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap())
        };
        let mut flipped = signature.clone();
        flipped[5] ^= 1;
        let zeros = vec![0; signature.len()];
        for bad in [flipped, zeros, Vec::new(), signature[1..].to_vec(), [&signature[..], b"x"].concat()] {
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(bad));
            check("a wrong signature", &token, &set, &rules(), "its signature is wrong");
        }
        let header = json!({ "alg": pair.algorithm(), "kid": "k" });
        let mallory = super::keys::message(&header, &with(claims(), &json!({ "sub": "mallory" })));
        let moved = format!("{mallory}.{}", URL_SAFE_NO_PAD.encode(&signature));
        check("a signature of another message", &moved, &set, &rules(), "its signature is wrong");
    }
    let (ours, theirs) = (Pair::ed25519(), Pair::ed25519());
    check(
        "another's key",
        &theirs.token("k", &claims()),
        &key_set(&[ours.jwk("k")]),
        &rules(),
        "its signature is wrong",
    );
}

#[test]
fn a_signature_has_one_form() {
    let pair = Pair::p256();
    let set = key_set(&[pair.jwk("k")]);
    let token = pair.token("k", &claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    // As ASN.1, which other protocols use.
    let number = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        if bytes[0] > 0x7F {
            bytes.insert(0, 0);
        }
        [&[2, u8::try_from(bytes.len()).unwrap()], bytes.as_slice()].concat()
    };
    let numbers = [number(&raw[..32]), number(&raw[32..])].concat();
    let der = [&[0x30, u8::try_from(numbers.len()).unwrap()], numbers.as_slice()].concat();
    let der = format!("{message}.{}", URL_SAFE_NO_PAD.encode(der));
    check("in ASN.1", &der, &set, &rules(), "its signature is wrong");
    // The last character of 86 stands for two bits: the other four are not there to be chosen.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let other = format!("{message}.{}{next}", &signature[..signature.len() - 1]);
    check("bits that stand for nothing", &other, &set, &rules(), "a part is not base64url");
    for extra in ["b64", "zip", "cty", "x5t"] {
        // Without `crit` nothing asks to be understood: what is signed is the text as it stands.
        let header = with(json!({ "alg": "ES256", "kid": "k" }), &json!({ extra: "none" }));
        let forged = super::keys::message(&header, &claims());
        check(extra, &format!("{forged}.{signature}"), &set, &rules(), "its signature is wrong");
    }
}

#[test]
fn a_claim_stands_there_once() {
    let pair = Pair::ed25519();
    let set = key_set(&[pair.jwk("k")]);
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "EdDSA", "kid": "k" }).to_string());
    let exp = NOW_S + 60;
    for claims in [
        format!(r#"{{"sub":"alice","sub":"mallory","exp":{exp}}}"#),
        format!(r#"{{"sub":"alice","exp":{exp},"exp":9999999999}}"#),
    ] {
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(&claims));
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(pair.signature(message.as_bytes())));
        check(&claims, &token, &set, &rules(), "its claims are malformed");
    }
}

#[test]
fn what_is_not_a_token_is_refused() {
    let pair = Pair::ed25519();
    let set = key_set(&[pair.jwk("k")]);
    let good = pair.token("k", &claims());
    for (token, expected) in [
        (String::new(), "it has not three parts"),
        ("a.b".to_owned(), "it has not three parts"),
        (format!("{good}.more.parts"), "it has not three parts"),
        ("..".to_owned(), "its header is malformed"),
        (format!(" {good}"), "a part is not base64url"),
        (format!("{good}="), "a part is not base64url"),
        (format!("{good}\n"), "a part is not base64url"),
        ("a".repeat(20_000), "it is too long"),
    ] {
        check(&token, &token, &set, &rules(), expected);
    }
}

#[test]
fn claims_are_there_and_of_their_types() {
    let pair = Pair::ed25519();
    let set = key_set(&[pair.jwk("k")]);
    let refuse = |changes: Value, expected: &str| {
        let token = pair.token("k", &with(claims(), &changes));
        check(&changes.to_string(), &token, &set, &rules(), expected);
    };
    refuse(json!({ "exp": null }), "it has no `exp`");
    refuse(json!({ "sub": null }), "it has no `sub`");
    refuse(json!({ "exp": NOW_S }), "expired");
    refuse(json!({ "exp": NOW_S - 1 }), "expired");
    refuse(json!({ "exp": 0 }), "expired");
    for extreme in [
        json!("1999999999"),
        json!(true),
        json!([NOW_S + 9]),
        json!({}),
        json!(-1),
        json!(-0.5),
        json!(1e300),
        json!(253_402_300_800_u64),
        json!(u64::MAX),
    ] {
        for name in ["exp", "nbf", "iat"] {
            refuse(json!({ name: extreme.clone() }), &format!("its `{name}` is not a time"));
        }
    }
    refuse(json!({ "nbf": NOW_S + 31 }), "it is not valid yet (`nbf`)");
    refuse(json!({ "iat": NOW_S + 31 }), "it was issued in the future (`iat`)");
    refuse(json!({ "sub": 7 }), "its `sub` is not a text");
    refuse(json!({ "sub": ["alice"] }), "its `sub` is not a text");
    refuse(json!({ "sub": "" }), "a user id is empty");
    refuse(json!({ "sub": "al\u{0}ice" }), "a user id contains a control character");
    refuse(json!({ "sub": "x".repeat(129) }), "a user id has 129 bytes, at most 128 are accepted");
    refuse(json!({ "iss": 7 }), "its `iss` is not a text");
    refuse(json!({ "jti": 7 }), "its `jti` is not a text");
    refuse(json!({ "jti": "x".repeat(257) }), "its `jti` is too long");
    refuse(json!({ "aud": "somebody-else" }), "it is for another audience (`aud`)");
    for malformed in [json!([]), json!("text"), json!(null)] {
        check("claims", &pair.token("k", &malformed), &set, &rules(), "its claims are malformed");
    }
    let header = json!({ "alg": "EdDSA", "kid": "k" });
    check(
        "the time with a fraction",
        &pair.sign(&header, &with(claims(), &json!({ "exp": 1_767_225_600.5 }))),
        &set,
        &rules(),
        "accepted",
    );
    check(
        "leeway",
        &pair.token("k", &with(claims(), &json!({ "nbf": NOW_S + 30, "iat": NOW_S + 30 }))),
        &set,
        &rules(),
        "accepted",
    );
}

#[test]
fn issuer_and_audience_are_asked_when_configured() {
    let pair = Pair::ed25519();
    let set = key_set(&[pair.jwk("k")]);
    let auth = config::Auth {
        issuer: Some("https://id.example.org".to_owned()),
        audience: vec!["chat".to_owned(), "chat-test".to_owned()],
        leeway: Duration::ZERO,
        ..config::Auth::default()
    };
    for (parties, expected) in [
        (json!({ "iss": "https://id.example.org", "aud": "chat" }), "accepted"),
        (json!({ "iss": "https://id.example.org", "aud": ["mail", "chat-test"] }), "accepted"),
        (json!({ "aud": "chat" }), "it is from another issuer (`iss`)"),
        (json!({ "iss": "https://id.example.org/", "aud": "chat" }), "it is from another issuer (`iss`)"),
        (json!({ "iss": "https://id.example.org" }), "it is for another audience (`aud`)"),
        (json!({ "iss": "https://id.example.org", "aud": ["mail"] }), "it is for another audience (`aud`)"),
        (json!({ "iss": "https://id.example.org", "aud": [] }), "it is for another audience (`aud`)"),
        (json!({ "iss": "https://id.example.org", "aud": [7] }), "it is for another audience (`aud`)"),
        (
            json!({ "iss": "https://id.example.org", "aud": "chat", "nbf": NOW_S + 1 }),
            "it is not valid yet (`nbf`)",
        ),
    ] {
        let token = pair.token("k", &with(claims(), &parties));
        check(&parties.to_string(), &token, &set, &Rules::new(&auth), expected);
    }
}

#[test]
fn an_identity_is_what_the_token_says() {
    let pair = Pair::ed25519();
    let set = key_set(&[pair.jwk("k")]);
    let token = pair.token("k", &with(claims(), &json!({ "jti": "t-1", "uid": "u|7" })));
    let identity = verify(&token, &set, &rules(), NOW).unwrap();
    assert_eq!(identity.user.as_str(), "alice");
    assert_eq!(identity.expires, Some(Timestamp((NOW_S + 3_600) * 1_000)));
    assert_eq!(identity.issued, Some(NOW));
    assert_eq!(identity.token_id.as_deref(), Some("t-1"));
    let auth = config::Auth { user_claim: "uid".to_owned(), ..config::Auth::default() };
    assert_eq!(verify(&token, &set, &Rules::new(&auth), NOW).unwrap().user.as_str(), "u|7");
}

#[test]
fn a_key_set_keeps_only_what_can_check_signatures() {
    let pair = Pair::ed25519();
    let rsa = Pair::rsa();
    for (changes, reason) in [
        (json!({ "use": "enc" }), "it is not for signatures"),
        (json!({ "key_ops": ["sign"] }), "it is not for checking signatures"),
        (json!({ "alg": "ES256" }), "ES256 is not supported"),
        (json!({ "crv": "X25519" }), "OKP X25519 is not supported"),
        (json!({ "x": "AAAA" }), "its `x` has 3 bytes instead of 32"),
        (json!({ "x": "***" }), "its `x` is not base64url"),
        (json!({ "x": null }), "it lacks `x`"),
    ] {
        let bad = with(pair.jwk("bad"), &changes);
        let error = jwks::parse(super::keys::jwks(std::slice::from_ref(&bad)).as_bytes()).unwrap_err();
        assert_eq!(error, format!("it has no key that can be used (key 1: {reason})"));
        let set = key_set(&[bad, rsa.jwk("good")]);
        assert_eq!(set.len(), 1, "the others stay");
    }
    let secret = jwks::parse(super::keys::jwks(&[Pair::secret().jwk("k")]).as_bytes()).unwrap_err();
    assert!(secret.contains("a secret has no place in a public set"));
    let weak = with(rsa.jwk("k"), &json!({ "n": URL_SAFE_NO_PAD.encode([255; 128]) }));
    let weak = jwks::parse(super::keys::jwks(&[weak]).as_bytes()).unwrap_err();
    assert!(weak.contains("its modulus has 1024 bits"), "{weak}");
    for bad in ["", "{}", "[]", "<html>", r#"{"keys":5}"#, r#"{"keys":[]}"#] {
        assert!(jwks::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(
        jwks::parse(super::keys::jwks(&vec![pair.jwk("k"); 65]).as_bytes())
            .unwrap_err()
            .contains("at most 64")
    );
    assert!(Key::secret(&[7; 31]).unwrap_err().contains("at least 32"));
    assert!(Key::pem(pair.pem().as_bytes(), Algorithm::Rs256).is_err(), "another algorithm's key");
    assert!(Key::pem(pair.pem().as_bytes(), Algorithm::Hs256).is_err(), "a public key is no secret");
    assert!(Key::pem(b"-----BEGIN PUBLIC KEY-----", Algorithm::EdDsa).is_err());
}

#[test]
fn a_key_shows_no_content() {
    let set = KeySet::new(vec![Key::secret(b"canary-canary-canary-canary-canary").unwrap()]);
    let shown = format!("{set:?}");
    assert!(!shown.contains("canary") && !shown.contains("99, 97"), "{shown}");
}
