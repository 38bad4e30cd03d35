use super::*;

const NOW: Duration = Duration::from_secs(7);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn open(board: &mut Board, name: &str, device: &str, connection: u64) {
    let registration = Registration {
        device: DeviceId::new(device).unwrap(),
        connection: ConnectionId(connection),
        since: Timestamp(0),
    };
    board.opened(&user(name), &registration, NOW);
}

/// Who is announced, with which connections.
fn taken(board: &mut Board, most: usize) -> Vec<(String, Vec<u64>)> {
    let all = board.take(most, Duration::ZERO);
    all.into_iter()
        .map(|it| (it.user.to_string(), it.devices.iter().map(|(_, connection)| connection.0).collect()))
        .collect()
}

#[test]
fn changes_that_wait_together_are_one_and_the_latest_state() {
    let mut board = Board::default();
    open(&mut board, "alice", "phone", 1);
    open(&mut board, "alice", "laptop", 2);
    open(&mut board, "alice", "phone", 3);
    board.closed(&user("alice"), ConnectionId(1), NOW);
    board.closed(&user("alice"), ConnectionId(2), NOW);
    assert_eq!(board.waiting(), (1, Some(NOW)));
    assert_eq!(taken(&mut board, 10), [("alice".to_owned(), vec![3])]);
    assert_eq!(taken(&mut board, 10), []);
}

#[test]
fn who_has_left_is_announced_as_gone_with_when_it_was_seen() {
    let mut board = Board::default();
    open(&mut board, "alice", "phone", 1);
    board.closed(&user("alice"), ConnectionId(1), NOW);
    board.last_seen(&user("alice"), Timestamp(5), NOW);
    let all = board.take(10, Duration::ZERO);
    assert_eq!(all.len(), 1);
    assert!(all[0].devices.is_empty());
    assert_eq!(all[0].change, Some(Change { since: NOW, seen: Some(Timestamp(5)) }));
    assert_eq!((board.here(), board.gone), (0, 0));
}

#[test]
fn what_did_not_arrive_is_announced_as_it_is_by_then() {
    let mut board = Board::default();
    open(&mut board, "alice", "phone", 1);
    let lost = board.take(10, Duration::ZERO).remove(0);
    open(&mut board, "alice", "phone", 2);
    board.put_back(&lost, NOW);
    assert_eq!(taken(&mut board, 10), [("alice".to_owned(), vec![2])]);
}

#[test]
fn everybody_is_renewed_once_in_a_renewal_and_again_after_a_loss() {
    let mut board = Board::default();
    let names: Vec<String> = (0..60).map(|at| format!("u{at:02}")).collect();
    names.iter().for_each(|name| open(&mut board, name, "phone", 1));
    assert_eq!(taken(&mut board, 100).len(), 60);
    let mut renewed = Vec::new();
    for _ in 0..30 {
        let second = board.take(100, RENEWAL / 30);
        assert!(second.iter().all(|it| it.change.is_none()));
        renewed.extend(second.into_iter().map(|it| it.user.to_string()));
    }
    assert_eq!(renewed, names);
    board.announce_all();
    assert_eq!(taken(&mut board, 40).len(), 40);
    assert!(board.is_hurrying());
    assert_eq!(taken(&mut board, 40).len(), 20, "and then there is no hurry");
    assert!(!board.is_hurrying());
}

#[test]
fn changes_and_renewals_leave_each_other_room() {
    let mut board = Board::default();
    (0..100).for_each(|at| open(&mut board, &format!("u{at:02}"), "phone", 1));
    taken(&mut board, 100);
    board.announce_all();
    (0..100).for_each(|at| open(&mut board, &format!("v{at:02}"), "phone", 1));
    let part = taken(&mut board, 40);
    assert_eq!(part.iter().filter(|(name, _)| name.starts_with('v')).count(), 30);
    assert_eq!(part.len(), 40);
}

#[test]
fn a_departure_too_many_is_forgotten_and_counted() {
    let mut board = Board { gone: GONE, ..Board::default() };
    board.last_seen(&user("alice"), Timestamp(1), NOW);
    assert_eq!((board.waiting().0, board.forgotten()), (0, 1));
    open(&mut board, "alice", "phone", 1);
    assert_eq!(board.waiting().0, 1, "who is here has its place");
}
