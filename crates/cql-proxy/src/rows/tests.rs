//! Answers about the topology.

use super::*;

fn string(to: &mut Vec<u8>, text: &str) {
    to.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    to.extend(text.as_bytes());
}

fn cell(to: &mut Vec<u8>, value: Option<&[u8]>) {
    to.extend(value.map_or(-1, |value| i32::try_from(value.len()).unwrap()).to_be_bytes());
    to.extend(value.unwrap_or_default());
}

/// `rpc_address inet` and `tokens set<text>` of two nodes, as Cassandra writes them.
fn answer(first: &[u8]) -> Frame {
    let mut body = [ROWS, GLOBAL_TABLE, 2].map(i32::to_be_bytes).concat();
    string(&mut body, "system");
    string(&mut body, "local");
    string(&mut body, "rpc_address");
    body.extend([0, 0x10]);
    string(&mut body, "tokens");
    body.extend([0, 0x22, 0, 0x0D]);
    body.extend(2_i32.to_be_bytes());
    cell(&mut body, Some(first));
    cell(&mut body, Some(b"set"));
    cell(&mut body, Some(first));
    cell(&mut body, None);
    Frame::answer(3, Opcode::Result, body)
}

const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[test]
fn the_node_has_the_address_of_the_proxy() {
    let rewritten = Topology::Local.rewrite(answer(&[127, 0, 0, 3]), PROXY).unwrap();
    assert_eq!(rewritten, answer(&[127, 0, 0, 1]));
}

#[test]
fn there_are_no_peers() {
    let rewritten = Topology::Peers.rewrite(answer(&[127, 0, 0, 3]), PROXY).unwrap();
    let mut content = rewritten.content().unwrap();
    content.int().unwrap();
    assert_eq!(columns(&mut content).unwrap().unwrap(), [&b"rpc_address"[..], b"tokens"]);
    assert_eq!(content.0, 0_i32.to_be_bytes());
}

#[test]
fn other_answers_stay_as_they_are() {
    let error = Frame::answer(3, Opcode::Error, vec![1]);
    assert_eq!(Topology::Local.rewrite(error.clone(), PROXY).unwrap(), error);
    let void = Frame::answer(3, Opcode::Result, vec![0, 0, 0, 1]);
    assert_eq!(Topology::Peers.rewrite(void.clone(), PROXY).unwrap(), void);
    let bare = Frame::answer(3, Opcode::Result, [ROWS, NO_METADATA, 2, 0].map(i32::to_be_bytes).concat());
    assert_eq!(Topology::Peers.rewrite(bare.clone(), PROXY).unwrap(), bare);
}

#[test]
fn an_answer_that_ends_early_is_an_error() {
    let whole = answer(&[127, 0, 0, 3]);
    for length in 0..whole.body.len() {
        let cut = Frame { body: whole.body.slice(..length), ..whole.clone() };
        assert!(Topology::Local.rewrite(cut, PROXY).is_err(), "{length} bytes");
    }
}
