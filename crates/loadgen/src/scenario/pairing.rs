//! Conversations of neighbours in a list of clients: a direct one, or groups of the two.

use causerie_protocol::{ConversationId, UserId};
use uuid::Uuid;

use super::each;
use crate::clock;
use crate::run::Thread;
use crate::session::{NewGroup, Session};

/// Makes direct conversations of neighbours in this list; both follow it.
pub(super) async fn pair_up(
    thread: &Thread,
    sessions: &mut [Session],
    numbers: &[usize],
) -> anyhow::Result<()> {
    for (pair, numbers) in sessions.chunks_exact_mut(2).zip(numbers.chunks_exact(2)) {
        let users = [thread.args.user(numbers[0]), thread.args.user(numbers[1])];
        let room = pair[0].create_direct(&users[1]).await?;
        let [a, b] = [UserId::new(&users[0])?, UserId::new(&users[1])?];
        let id = pair[0].rooms()[room].id;
        anyhow::ensure!(
            id == ConversationId::direct(&a, &b).0,
            "the server derives another id for a direct conversation"
        );
        pair[1].join(id, 0);
        note_direct(thread, id, &users);
    }
    Ok(())
}

/// Tells the judge who is in a direct conversation.
pub(super) fn note_direct(thread: &Thread, id: Uuid, users: &[Box<str>; 2]) {
    let history = &mut thread.book.borrow_mut().history;
    let conversation = history.conversation(id.as_u128());
    let users = [history.user(&users[0]), history.user(&users[1])];
    history.direct(conversation, users);
}

/// Makes so many groups of each two neighbours in this list; both follow them.
pub(super) async fn group_up(
    thread: &Thread,
    sessions: Vec<Session>,
    numbers: &[usize],
    groups: usize,
) -> anyhow::Result<Vec<Session>> {
    let mut sessions = sessions.into_iter();
    let mut pairs = Vec::new();
    for numbers in numbers.chunks_exact(2) {
        let (Some(a), Some(b)) = (sessions.next(), sessions.next()) else { break };
        pairs.push((a, b, [thread.args.user(numbers[0]), thread.args.user(numbers[1])]));
    }
    let pairs = each(pairs, |(mut a, mut b, [first, second])| {
        let book = thread.book.clone();
        async move {
            let members = std::slice::from_ref(&second);
            let new = |_| NewGroup {
                client_id: Uuid::from_u128(book.borrow_mut().id(clock::now())),
                members,
                full_history: false,
            };
            let groups: Vec<NewGroup<'_>> = (0..groups).map(new).collect();
            for group in &groups {
                b.join(group.id(&first)?, 0);
            }
            let create = async {
                for group in &groups {
                    a.create_group(group).await?;
                }
                anyhow::Ok(())
            };
            // The other one hears of each: who did not listen would have to sync them later, under load.
            let listen = async {
                loop {
                    if let Err(error) = b.hear().await {
                        break error;
                    }
                }
            };
            tokio::select! {
                created = create => created?,
                broke = listen => return Err(broke.into()),
            }
            Ok([a, b])
        }
    });
    Ok(pairs.await?.into_iter().flatten().collect())
}
