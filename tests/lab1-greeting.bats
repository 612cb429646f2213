#!/usr/bin/env bats
# Lab 1, greeting: what the server and the client must do, step by step.
# Each test is a transcript of programs: tests/README.md has the key.
load support/lab

@test "given: -h prints the usage" {
    prints_usage
}

@test "given: wrong usage ends with status 2" {
    refuses_operands 'server -x' 'server 5000 127.0.0.1 more' 'client -x' \
        'client 127.0.0.1 5000 more' 'client -i 127.0.0.1'
}

@test "given: a port is digits, from 0 or 1 to 65535" {
    refuses_ports
}

@test "step 1: the server makes a socket" {
    play <<'END'
# The line is printed once socket(2) has returned a descriptor. It ends with a
# newline; without one it would wait in stdout's buffer.
$ server 0
server: Socket successfully created
server: ...
END
}

@test "step 2: the server binds its socket, and says to what" {
    play <<'END'
# Bind to the address that cli.h gives, not to INADDR_ANY. Port 0 lets the
# system pick one: getsockname(2) tells which. The network has ports in another
# byte order: ntohs(3) before it is printed.
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: ...
END
}

@test "step 2: an address that is none is refused" {
    refuses_addresses 'server 0 ADDRESS'
}

@test "step 2: the port is the one that was asked for" {
    play <<'END'
# The first server finds a free port, the second asks for it by its number. The
# port goes through htons(3) into the address and through ntohs(3) out.
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: ...
(server gets SIGTERM)
(server ends)
$ server 5000
server2: Socket successfully created
server2: Socket bound to 127.0.0.1 port 5000
server2: ...
END
}

@test "step 2: bind may fail: the server says why and exits 1" {
    play <<'END'
# Compare the result of bind(2) with -1, and end with err(3), which adds why. Or
# was it another port? Without htons(3) it is.
$ peer listen 5000
peer: [listening on 127.0.0.1 port 5000]
$ server 5000
server: ...
server! server: *127.0.0.1 port 5000*: Address*in use
(server exits 1)
END
    play <<'END'
# 203.0.113.1 is nobody's address. Give bind the address from the command line,
# and begin the error with its name, bind.
$ server 0 203.0.113.1
server: ...
server! server: bind*203.0.113.1*
(server exits 1)
END
}

@test "step 3: clients can connect as soon as the server says so" {
    play_hindered <<'END'
# Is listen(2) called, and before the line is printed? A client reads it and
# calls. The port goes through htons(3) and ntohs(3).
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
server: ...
$ peer connect 5000
peer: [connected from port *]
peer: ...
END
}

@test "step 3: clients are heard on the port that was asked for" {
    play <<'END'
# The port goes through htons(3) into the address and through ntohs(3) out.
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
server: ...
(server gets SIGTERM)
(server ends)
$ server 5000
server2: Socket successfully created
server2: Socket bound to 127.0.0.1 port 5000
server2: Listening on 127.0.0.1 port 5000
server2: ...
$ peer connect 5000
peer: [connected from port *]
peer: ...
END
}

@test "step 3: without operands it is port 5000 of 127.0.0.1" {
    play <<'END'
# If somebody else has the port just now, the server says so, and which it is.
$ server >&2
server! *127.0.0.1 port 5000*
END
}

@test "step 3: only this machine can connect, unless told otherwise" {
    on_linux "has more loopback addresses than 127.0.0.1"
    play <<'END'
# Bind to the address that cli.h gives; 0.0.0.0 (INADDR_ANY) is every address.
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
$ peer connect 127.0.0.2 5000
peer: [cannot connect: Connection refused]
END
    play <<'END'
# 0.0.0.0 is every address that this machine has.
$ server 5000 0.0.0.0
server: Socket successfully created
server: Socket bound to 0.0.0.0 port 5000
server: Listening on 0.0.0.0 port 5000
server: ...
$ peer connect 127.0.0.2 5000
peer: [connected from port *]
peer: ...
END
}

@test "step 3: the address may have fifteen characters" {
    on_linux "has more loopback addresses than 127.0.0.1"
    play <<'END'
# The longest one has 15, and a NUL: INET_ADDRSTRLEN.
$ server 5000 127.100.100.100
server: Socket successfully created
server: Socket bound to 127.100.100.100 port 5000
server: Listening on 127.100.100.100 port 5000
server: ...
END
}

@test "step 3: a server that waits uses no processor" {
    play <<'END'
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
server: ...
(server idles)
END
}

@test "step 3: five clients can wait to be accepted" {
    play <<'END'
# The second argument of listen(2), the backlog, is how many may queue up.
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
server: ...
(server is paused)
$ peer connect 5000
peer: [connected from port *]
$ peer connect 5000
peer2: [connected from port *]
$ peer connect 5000
peer3: [connected from port *]
$ peer connect 5000
peer4: [connected from port *]
$ peer connect 5000
peer5: [connected from port *]
END
}

@test "step 4: the server accepts, and says who it is" {
    # Twice: a port whose two bytes are alike looks right either way round.
    for nth in first second; do
        play <<END
# accept(2) fills in the client's address when it is told, in its third
# argument, how large the room for it is. Its port is in network byte order.
\$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
\$ peer connect 5000
peer: [connected from port {client}]
server: Got connection from 127.0.0.1 port {client}
server: ...
peer: ...
END
    done
}

@test "step 4: a port is one server's" {
    play <<'END'
# SO_REUSEADDR is what a server needs. SO_REUSEPORT lets another one in.
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
server: ...
$ server 5000
server2: ...
server2! server: *127.0.0.1 port 5000*: Address*in use
(server2 exits 1)
END
}

@test "step 5: the server greets a client that says nothing, and ends" {
    play <<'END'
# It goes to the socket that accept returned, not to the listener, and at once:
# the server does not wait for the client. It is the characters up to the newline
# and no NUL; then the connection is closed.
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
$ peer connect 5000
peer: [connected from port {client}]
server: Got connection from 127.0.0.1 port {client}
peer: Thank you for connecting\n
peer: [end of file]
# One client is all: there is no loop around accept, and nothing to wait for.
(server exits 0)
END
}

@test "step 5: it greets a client that spoke first, or has nothing more to say" {
    for first in 'send Hello\n' finish; do
        play <<END
# Whether the client says something makes no difference to the server.
\$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
(server is paused)
\$ peer connect 5000
peer: [connected from port {client}]
peer< $first
(server continues)
server: Got connection from 127.0.0.1 port {client}
peer: Thank you for connecting\n
peer: ...
(server exits 0)
END
    done
}

@test "step 5: a send that fails is an error, and no signal ends the server" {
    play <<'END'
# Sending to a client that is gone fails. The signal SIGPIPE, which would end
# the program, is ignored at the beginning of main; send returns -1 then, and
# the server ends with status 1.
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
server: ...
(server is paused)
$ peer connect 5000
peer: [connected from port *]
peer< finish
peer< reset
(server continues)
(server exits 1)
END
}

@test "step 5: the server can start again at once on the same port" {
    play <<'END'
# The server closes first, so its port stays in TIME_WAIT for a minute. The
# option SO_REUSEADDR, set before bind, says that this is no obstacle.
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
$ peer connect 5000
peer: [connected from port *]
server: Got connection from 127.0.0.1 port *
peer: Thank you for connecting\n
peer: [end of file]
peer< close
(server exits 0)
$ server 5000
server2: Socket successfully created
server2: Socket bound to 127.0.0.1 port 5000
server2: Listening on 127.0.0.1 port 5000
server2: ...
peer< connect
peer: [connected from port *]
peer: Thank you for connecting\n
peer: [end of file]
(server2 exits 0)
END
}

@test "step 5: Ctrl-C ends a server that waits" {
    for signal in SIGINT SIGTERM; do
        play <<END
# Leave these two signals as they are: they end a program by themselves.
\$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
(server gets $signal)
(server ends)
END
    done
}

@test "step 6: the client connects to the address and port that it is given" {
    play <<'END'
# connect(2) takes the server's address: its family, AF_INET (with another one
# it may return 0 and connect to nobody), its port through htons(3), and the
# length of the whole. The client needs no bind.
$ peer listen 5000
peer: [listening on 127.0.0.1 port 5000]
$ client 127.0.0.1 5000
peer: [accepted]
client: ...
END
}

@test "step 6: the client calls the address that it is given" {
    on_linux "has more loopback addresses than 127.0.0.1"
    play <<'END'
# Connect to the address that cli.h gives.
$ peer listen 127.0.0.2 5000
peer: [listening on 127.0.0.2 port 5000]
$ client 127.0.0.2 5000
peer: [accepted]
client: ...
END
}

@test "step 6: nobody listens there: the client says why and exits 1" {
    play <<'END'
# Compare the result of connect(2) with -1, and end with err(3) and the words of
# TODO 6.
$ peer hold 5000
peer: [holding 127.0.0.1 port 5000]
$ client 127.0.0.1 5000
client! client: connect*127.0.0.1 port 5000*: Connection refused
(client exits 1)
END
}

@test "step 6: an address that is none is refused" {
    refuses_addresses 'client ADDRESS 5000'
}

@test "step 6: client -i asks for the address and the port" {
    play <<'END'
# cli_ask does this: connect to what it filled in, with htons(3) for the port.
$ peer listen 5000
peer: [listening on 127.0.0.1 port 5000]
$ client -i
client? Enter server address: 
client< 127.0.0.1
client? Enter server port: 
client< {port}
peer: [accepted]
client: ...
# At the end of input there is no answer, and no server to call.
$ client -i
client2? Enter server address: 
client2< 127.0.0.1
client2? Enter server port: 
client2< ^D
client2: ...
(client2 exits 1)
END
    # Nobody may listen on the default port, so exit 1 alone does not tell.
    printf '127.0.0.1\n' | "$PAIR/client" -i 2>"$folder/said" || true
    if grep connect "$folder/said"; then
        echo "At the end of input the client called a default port: exit 1 instead."
        false
    fi
}

@test "step 7: the client prints all that comes, whatever the pieces" {
    long=$(repeat 5000 x)
    play <<END
# Print as many bytes as this recv returned, and receive again until it returns
# 0: one recv is not one message. Any byte may come. There is no NUL behind them,
# one may be among them, and 0xFF is equal to EOF in a char.
\$ peer listen 5000
peer: [listening on 127.0.0.1 port 5000]
\$ client 127.0.0.1 5000
peer: [accepted]
peer< bytes Thank you for connecting\n
client: Thank you for connecting
(client is paused)
peer< send one\ntwo\n
peer< send $long\n
peer< send a\0b\xff\xc3\xa9\nno newline at the end
peer< close
(client continues)
client: one
client: two
client: $long
client: a\0b\xffé
client: no newline at the end[no newline]
(client exits 0)
END
}

@test "step 7: the client waits for a slow server, without using the processor" {
    play_hindered timeouts=50 <<'END'
# recv(2) waits by itself until something comes, however long that takes. What
# came is printed before it waits for more.
$ peer listen 5000
peer: [listening on 127.0.0.1 port 5000]
$ client 127.0.0.1 5000
peer: [accepted]
(client idles)
peer< send Thank you for connecting\n
client: Thank you for connecting
(client idles)
peer< close
(client exits 0)
END
}

@test "step 7: the client survives when nobody reads its output any more" {
    play <<'END'
# Printing into a pipe that nobody reads raises SIGPIPE, as sending does. It is
# ignored at the beginning of main, and no signal ends the client.
$ peer listen 5000
peer: [listening on 127.0.0.1 port 5000]
$ client 127.0.0.1 5000
peer: [accepted]
(client is not heard any more)
peer< send Thank you for connecting\n
peer< close
(client ends by itself)
END
}

@test "step 7: a reset is a failure: the client says so and exits 1" {
    play <<'END'
# recv(2) returns -1 when the connection broke: that is no end of file.
$ peer listen 5000
peer: [listening on 127.0.0.1 port 5000]
$ client 127.0.0.1 5000
peer: [accepted]
peer< reset
client! client: *Connection reset by peer
(client exits 1)
END
}

@test "step 7: the handout's transcripts" {
    play "handouts/$lab.md"
}
