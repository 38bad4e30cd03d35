//! Requests as drivers write them.

use super::*;

fn frame(opcode: Opcode, body: Vec<u8>) -> Frame {
    Frame { version: 4, flags: 0, stream: 1, opcode, body: body.into() }
}

fn long(text: &str) -> Vec<u8> {
    let mut bytes = i32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

#[test]
fn an_execute_has_the_text_that_was_prepared() {
    let statements = Statements::default();
    let mut answer = 4_i32.to_be_bytes().to_vec();
    answer.extend([0, 2, 0xAB, 0xCD]);
    let answer = Frame::answer(1, Opcode::Result, answer);
    let id = prepared_id(&answer).unwrap().unwrap();
    statements.learn(id, "select 1");

    let known = frame(Opcode::Execute, vec![0, 2, 0xAB, 0xCD, 0, 1, 0]);
    let read = Request::read(&known, &statements).unwrap().unwrap();
    assert_eq!(read, Request { kind: Kind::Execute, text: "select 1".into() });
    let unknown = frame(Opcode::Execute, vec![0, 1, 0xAB]);
    assert_eq!(Request::read(&unknown, &statements).unwrap().unwrap().text, "");
    let rows = Frame::answer(1, Opcode::Result, 2_i32.to_be_bytes().to_vec());
    assert_eq!(prepared_id(&rows).unwrap(), None);
}

#[test]
fn a_batch_has_the_texts_of_all_its_statements() {
    let statements = Statements::default();
    statements.learn(&[5], "insert into b");
    let mut body = vec![1, 0, 2, 0];
    body.extend(long("INSERT  INTO a"));
    // Two values: one of three bytes and a null.
    body.extend([0, 2, 0, 0, 0, 3, 1, 2, 3, 0xFF, 0xFF, 0xFF, 0xFF]);
    body.extend([1, 0, 1, 5, 0, 0]);
    body.extend([0, 4, 0]);
    let whole = frame(Opcode::Batch, body.clone());
    let read = Request::read(&whole, &statements).unwrap().unwrap();
    assert_eq!(read.text, "insert into a; insert into b");
    for length in 0..body.len() - 3 {
        let cut = frame(Opcode::Batch, body[..length].to_vec());
        assert!(Request::read(&cut, &statements).is_err(), "{length} bytes");
    }
}

#[test]
fn other_frames_are_no_requests() {
    let options = frame(Opcode::Other(5), Vec::new());
    assert_eq!(Request::read(&options, &Statements::default()).unwrap(), None);
}
