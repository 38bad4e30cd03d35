//! Prints the AsyncAPI document: `cargo run -p causerie-protocol --features schema --example asyncapi`.

fn main() {
    print!("{}", causerie_protocol::schema::asyncapi());
}
