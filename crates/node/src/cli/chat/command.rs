//! What a line asks for.

use causerie_protocol::{ConversationId, Title, UserId};

/// What /help says.
pub(super) const HELP: &str = "\
  /list                      your conversations, with what is unread
  /with USER                 open the direct conversation with a user
  /group TITLE USER…         begin a group; a title of several words stands in \"quotes\"
  /open N                    open a conversation by its number in /list, or by its id
  /members                   who is in the open conversation, and how far they have read
  /add USER…  /remove USER…  change the members of the open group
  /rename TITLE  /leave      change its title, or leave it
  /history                   older messages of the open conversation; again for more
  /who                       who of the open conversation is online
  /help  /quit               this, and the end (also Ctrl-D)
  //text                     send a line that begins with /";

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Say(String),
    List,
    With(UserId),
    Group { title: Title, members: Vec<UserId> },
    OpenNumber(usize),
    OpenId(ConversationId),
    Members,
    Add(Vec<UserId>),
    Remove(Vec<UserId>),
    Rename(Title),
    Leave,
    History,
    Who,
    Help,
    Quit,
}

/// Reads a line; `None` for an empty one, an error with what is wrong.
pub(super) fn parse(line: &str) -> Result<Option<Command>, String> {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.trim().is_empty() {
        return Ok(None);
    }
    let Some(rest) = line.strip_prefix('/') else { return Ok(Some(Command::Say(line.to_owned()))) };
    if rest.starts_with('/') {
        return Ok(Some(Command::Say(rest.to_owned())));
    }
    let words = split(rest)?;
    let (name, arguments) = words.split_first().ok_or("a command stands behind the /; /help lists them")?;
    command(name, arguments).map(Some)
}

fn command(name: &str, arguments: &[String]) -> Result<Command, String> {
    let one = |what: &str| match arguments {
        [argument] => Ok(argument.as_str()),
        _ => Err(format!("/{name} takes {what}")),
    };
    let users = |from: &[String]| -> Result<Vec<UserId>, String> {
        if from.is_empty() {
            return Err(format!("/{name} takes the names of users"));
        }
        from.iter().map(|user| UserId::new(user).map_err(|error| error.to_string())).collect()
    };
    let title = |text: &str| Title::new(text).map_err(|error| error.to_string());
    Ok(match name {
        "list" | "l" => Command::List,
        "with" | "w" => Command::With(UserId::new(one("a user")?).map_err(|error| error.to_string())?),
        "group" => match arguments {
            [name, members @ ..] => Command::Group { title: title(name)?, members: users(members)? },
            [] => return Err("/group takes a title and users: /group \"The team\" bob carol".to_owned()),
        },
        "open" | "o" => {
            let which = one("a number of /list, or an id")?;
            match (which.parse(), which.parse()) {
                (Ok(number), _) => Command::OpenNumber(number),
                (_, Ok(id)) => Command::OpenId(id),
                _ => return Err(format!("`{which}` is neither a number of /list nor an id")),
            }
        }
        "members" | "m" => Command::Members,
        "add" => Command::Add(users(arguments)?),
        "remove" => Command::Remove(users(arguments)?),
        "rename" => Command::Rename(title(&arguments.join(" "))?),
        "leave" => Command::Leave,
        "history" | "h" => Command::History,
        "who" => Command::Who,
        "help" | "?" => Command::Help,
        "quit" | "q" | "exit" => Command::Quit,
        other => return Err(format!("there is no /{other}; /help lists what there is, //{other} sends it")),
    })
}

/// Splits at blanks; what stands in double quotes is one word.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quote is not closed")?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_what_it_asks_for() {
        let user = |name: &str| UserId::new(name).unwrap();
        for (line, expected) in [
            ("hello /there", Command::Say("hello /there".to_owned())),
            ("//shrug", Command::Say("/shrug".to_owned())),
            ("/with bob", Command::With(user("bob"))),
            ("/open 2", Command::OpenNumber(2)),
            (
                "/group \"The team\" bob  \"Zoë 🦀\"",
                Command::Group {
                    title: Title::new("The team").unwrap(),
                    members: vec![user("bob"), user("Zoë 🦀")],
                },
            ),
            ("/rename New name", Command::Rename(Title::new("New name").unwrap())),
            ("/q", Command::Quit),
        ] {
            assert_eq!(parse(line), Ok(Some(expected)), "{line}");
        }
        assert_eq!(parse("  "), Ok(None));
        for (line, problem) in [
            ("/with", "/with takes a user"),
            ("/open here", "`here` is neither a number of /list nor an id"),
            ("/group \"a bob", "a quote is not closed"),
            ("/", "a command stands behind the /; /help lists them"),
            ("/shrug", "there is no /shrug; /help lists what there is, //shrug sends it"),
        ] {
            assert_eq!(parse(line), Err(problem.to_owned()));
        }
    }
}
