/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a connection ends, as a model: the rules of core/term between a client, a
 * backend and two TCP connections, all of which do their worst. See README.
 *
 * Bytes are counted, not named: in each direction they are followed by at most one
 * end, so that order is kept by the counters alone. What is "in flight" has been
 * written by one side and not yet been acknowledged by the other; a RST destroys it.
 */
#ifndef BYTES
#define BYTES 2 /* that each endpoint may say in all */
#endif
#define ROOM 1  /* bytes that sallyport holds for one direction */

/* The properties: only those that are asked for are asserted. */
#ifdef P1
#define ASSERT1(x) assert(x)
#else
#define ASSERT1(x) skip
#endif
#ifdef P2
#define ASSERT2(x) assert(x)
#else
#define ASSERT2(x) skip
#endif
#ifdef P3
#define ASSERT3(x) assert(x)
#else
#define ASSERT3(x) skip
#endif
#ifdef P5
#define ASSERT5(x) assert(x)
#else
#define ASSERT5(x) skip
#endif

mtype = { Open, Draining, Flushed, Ended, Aborted, Live, Linger, Closed, None };

/* sallyport's machine. */
mtype up = Open;
mtype down = Open;
mtype client = Live;
mtype backend = None;
bool client_done, fin_sent, owed, eof_ends_up;
bool own_abort;           /* a time-out, a forced drain: bytes may be lost by it */
byte upq, downq;          /* bytes that sallyport has read and not yet written */
bool alert_q;             /* an alert is queued behind them */

/* On the way from the client: bytes, and what is said behind them. */
byte cs_n;
bool cs_notify, cs_fin, cs_cut, cs_bad, cs_rst;
/* On the way to the client. */
byte sc_n;
bool sc_notify, sc_alert, sc_fin, sc_rst;
/* From and to the backend. */
byte bs_n;
bool bs_fin, bs_rst;
byte sb_n;
bool sb_fin, sb_rst;

/* The client. */
byte c_said, c_got;
bool c_notify, c_fin, c_clean, c_rst, c_bad; /* what it has said */
bool c_mute, c_deaf;                         /* it says, or takes, nothing more */
bool c_firm;                                 /* it takes all that comes, to the end */
bool c_saw_notify, c_saw_end;
/* The backend. */
byte b_said, b_got;
bool b_fin, b_rst, b_shut; /* shut: closed for both directions: what comes is answered by RST */
bool b_mute, b_deaf, b_firm;
bool b_saw_fin, b_saw_end;

#define all_closed (client == Closed && backend != Live)
#define acked (sc_n == 0 && !sc_notify && !sc_alert && !sc_fin)
#define said_goodbye (c_notify || (eof_ends_up && c_fin && c_clean))
/* The client has given up its right to every byte. */
#define c_broke (c_rst || c_bad || (c_fin && !said_goodbye))
#define up_over (up == Ended || up == Aborted)
#define source_over (down != Open)

/* ---- what the machine asks for ---- */

inline reset_client_socket() {
    ASSERT3(sc_n == 0 || c_broke || own_abort);
    sc_rst = true; sc_n = 0; sc_notify = false; sc_alert = false; sc_fin = false
}

inline drop_down() {
    ASSERT3(downq == 0 || c_broke || own_abort);
    downq = 0; alert_q = false
}

inline reset_backend() {
    if
    :: backend == Live ->
        /* What the backend has said and nobody has read is lost. */
        ASSERT3(bs_n == 0 || c_broke || own_abort);
        backend = Closed; upq = 0;
        sb_rst = true; sb_n = 0; sb_fin = false;
        bs_n = 0; bs_fin = false; bs_rst = false
    :: else
    fi
}

inline close_backend() {
    ASSERT5(upq == 0);
    backend = Closed;
    bs_n = 0; bs_fin = false; bs_rst = false
}

/* Drop what is queued, discard what is unread, FIN and close. */
inline close_client() {
    drop_down();
    client = Closed;
    cs_n = 0; cs_notify = false; cs_bad = false; cs_fin = false; cs_rst = false;
    if
    :: !sc_fin && !fin_sent && !sc_rst && !c_rst -> sc_fin = true
    :: else
    fi
}

inline abort_both() {
    if :: up != Ended -> up = Aborted :: else fi;
    if :: down != Ended -> down = Aborted :: else fi;
    reset_backend()
}

inline abort_and_linger() {
    abort_both();
    client = Linger
}

/* Both ways of the backend over: let go of it. */
inline settle() {
    if
    :: backend == Live && source_over && up == Ended -> close_backend()
    :: backend == Live && source_over && up == Aborted -> reset_backend()
    :: else
    fi;
    if
#ifndef MUT_ANSWER_IGNORED
    :: client == Live && down == Ended && client_done -> close_client()
#endif
#ifdef MUT_NO_GRACE
    :: client == Live && down == Ended && up == Aborted && !client_done -> close_client()
#endif
    :: else
    fi
}

/* ---- the events ---- */

inline on_client_notify() {
    client_done = true;
    if :: up == Open -> up = Draining :: else fi;
    settle()
}

inline on_client_fin(cut) {
    if
    :: client == Linger ->
        client_done = true;
        if :: fin_sent -> close_client() :: else fi
    :: else ->
        client_done = true;
        if
#ifdef MUT_FIN_ON_TRUNCATION
        :: up == Open -> up = Draining
#else
        :: up == Open && eof_ends_up && !cut -> up = Draining
#endif
        :: else ->
            if
            :: down == Ended ->
                if :: up == Open -> up = Aborted :: else fi
            :: down != Ended && up == Aborted -> skip
            :: else -> abort_both(); close_client()
            fi
        fi;
        settle()
    fi
}

inline on_client_reset() {
    client_done = true;
    abort_both();
    close_client()
}

inline on_client_bad() { /* a TLS error is answered by an alert; an alert is not */
    abort_and_linger();
    if
    :: alert_q = true
    :: drop_down()
    fi
}

inline on_backend_fin() {
    down = Draining;
    settle()
}

inline on_backend_broken() {
    if
    :: !up_over -> up = Aborted; upq = 0
    :: else
    fi;
#ifdef MUT_BROKEN_ENDS_READING
    abort_and_linger();
#endif
    settle()
}

inline on_backend_reset() {
    if
    :: down == Open ->
#ifdef MUT_NOTIFY_ON_RESET
        down = Draining;
        if :: !up_over -> up = Aborted :: else fi;
        settle()
#else
        owed = true;
        abort_and_linger()
#endif
    :: else -> on_backend_broken()
    fi
}

inline on_down_flushed() {
    if
    :: client == Linger ->
        fin_sent = true; sc_fin = true;
#ifdef MUT_NO_LINGER
        close_client()
#else
        if :: client_done -> close_client() :: else fi
#endif
    :: else ->
        down = Flushed
    fi
}

inline on_self_abort() { /* idle, half-closed, internal error, a client's certificate that expires or is revoked */
    own_abort = true;
    if
    :: client == Live -> abort_and_linger(); drop_down()
    :: client == Linger -> close_client()
    :: else -> abort_both()
    fi
}

inline on_forced() { /* a forced drain, overload */
    own_abort = true;
    abort_both();
    if :: client != Closed -> close_client() :: else fi
}

inline on_close_wait() {
    abort_both();
    close_client()
}

/* ---- the endpoints ---- */

/* It may do everything, at any time; or nothing, for ever. */
proctype Client() {
    do
    :: atomic { !c_mute && !c_notify && !c_fin && !c_rst && !c_bad && c_said < BYTES && !sc_rst ->
        c_said++; cs_n++ }
    :: atomic { !c_mute && !c_notify && !c_fin && !c_rst && !c_bad ->
        c_notify = true; cs_notify = true }
    :: atomic { !c_mute && !c_notify && !c_fin && !c_rst && !c_bad ->
        c_bad = true; cs_bad = true }
    :: atomic { !c_mute && !c_fin && !c_rst ->
        c_fin = true; cs_fin = true;
        if
        :: c_clean = true
        :: !c_notify -> cs_cut = true
        fi }
    :: atomic { !c_mute && !c_rst && !sc_rst ->
        c_rst = true; c_mute = true; cs_rst = true;
        if /* it may overtake its bytes, or not */
        :: cs_n = 0; cs_notify = false; cs_bad = false; cs_fin = false; cs_cut = false
        :: skip
        fi;
        sc_n = 0; sc_notify = false; sc_alert = false; sc_fin = false }
#ifdef STALL
    :: atomic { !c_mute -> c_mute = true }
    :: atomic { !c_firm && !c_deaf -> c_deaf = true }
#endif
    :: atomic { !c_deaf && !c_rst && sc_n > 0 -> sc_n--; c_got++ }
    :: atomic { !c_deaf && !c_rst && sc_n == 0 && sc_notify ->
        sc_notify = false; c_saw_notify = true;
        ASSERT2(b_fin && c_got == b_said) }
    :: atomic { !c_deaf && !c_rst && sc_n == 0 && !sc_notify && sc_alert -> sc_alert = false }
    :: atomic { !c_deaf && !c_rst && sc_n == 0 && !sc_notify && !sc_alert && sc_fin ->
        sc_fin = false; c_saw_end = true }
    :: atomic { sc_rst && !c_saw_end && !c_rst -> c_saw_end = true; c_mute = true; c_deaf = true }
#ifdef STALL
    :: atomic { c_mute && (c_deaf || c_rst || c_saw_end) -> break }
#endif
    od
}

proctype Backend() {
    if
    :: atomic { backend == None && client == Live -> backend = Live }
    :: atomic { backend == None && client == Live -> /* refused, unreachable, timed out */
        abort_and_linger(); goto gone }
    :: atomic { client != Live -> goto gone } /* nobody waits for it any more */
    fi;
    do
    :: atomic { !b_mute && !b_fin && !b_rst && b_said < BYTES && !sb_rst -> b_said++; bs_n++ }
    :: atomic { !b_mute && !b_fin && !b_rst -> b_fin = true; bs_fin = true }
    :: atomic { !b_mute && b_fin && !b_shut && !b_rst -> b_shut = true }
    :: atomic { !b_mute && !b_rst && !sb_rst && !(b_fin && b_saw_fin) ->
        b_rst = true; b_mute = true; b_deaf = true; bs_rst = true; sb_n = 0; sb_fin = false }
    :: atomic { b_shut && !b_rst && sb_n > 0 -> /* bytes for a closed socket */
        b_rst = true; b_mute = true; b_deaf = true; bs_rst = true; sb_n = 0; sb_fin = false }
#ifdef STALL
    :: atomic { !b_mute -> b_mute = true }
    :: atomic { !b_firm && !b_deaf && !b_shut -> b_deaf = true }
#endif
    :: atomic { !b_deaf && !b_shut && sb_n > 0 -> sb_n--; b_got++ }
    :: atomic { !b_deaf && sb_n == 0 && sb_fin ->
        sb_fin = false; b_saw_fin = true; b_saw_end = true;
        ASSERT1(said_goodbye && b_got == c_said) }
    :: atomic { sb_rst && !b_saw_end && !b_rst ->
        b_saw_end = true; b_mute = true; b_deaf = true }
#ifdef STALL
    :: atomic { b_mute && (b_deaf || b_rst || b_saw_end) -> break }
#endif
    od;
gone:
    skip
}

/* ---- the clocks, as core/deadline orders them ---- */

#define linger_runs (client == Linger && !owed)
#define linger_acked_runs (client == Linger && owed && fin_sent && acked)
#define waits (client == Live && down == Ended && !client_done)
#define up_blocked (upq > 0)
#ifdef MUT_CLOSE_WAIT_UNACKED
#define wait_counts true
#else
#define wait_counts acked
#endif
#define close_wait_runs \
    (waits && up != Aborted && wait_counts && !up_blocked && cs_n == 0 && !cs_notify && !cs_fin)
#ifdef MUT_GRACE_UNACKED
#define grace_runs (waits && up == Aborted)
#else
#define grace_runs (waits && up == Aborted && acked)
#endif
#define half_runs \
    (client != Linger && ((up == Ended && down != Ended && down != Aborted) || \
     (down == Ended && up != Ended && up != Aborted && (client != Live || up_blocked))))
#define idle_runs (!all_closed && !linger_runs && !linger_acked_runs && !close_wait_runs && \
                   !grace_runs)

/* ---- sallyport: one turn of its loop at a time ---- */

#define can_write_down (!c_rst && !sc_rst)
/* Nothing is in front of an end. */
#define down_flushed (downq == 0 && !alert_q)

proctype Sallyport() {
    do
    /* The client is read: forwarded, */
    :: atomic { client == Live && backend == Live && up == Open && !client_done &&
                cs_n > 0 && upq < ROOM -> cs_n--; upq++ }
    /* or discarded. */
    :: atomic { (client == Linger || (client == Live && up == Aborted)) && !client_done &&
                cs_n > 0 -> cs_n-- }
    :: atomic { client == Live && !client_done && (backend == Live || up == Aborted) &&
                cs_n == 0 && cs_notify -> cs_notify = false; on_client_notify() }
    :: atomic { client == Live && !client_done && (backend == Live || up == Aborted) &&
                cs_n == 0 && cs_bad && !cs_notify -> cs_bad = false; on_client_bad() }
    :: atomic { client == Linger && (cs_notify || cs_bad) && cs_n == 0 ->
        cs_notify = false; cs_bad = false }
    :: atomic { client != Closed && !client_done &&
                (client == Linger || backend == Live || up == Aborted) &&
                cs_n == 0 && !cs_notify && !cs_bad && cs_fin ->
        cs_fin = false; on_client_fin(cs_cut) }
    :: atomic { client != Closed && cs_rst -> on_client_reset() }

    /* The backend is read. */
    :: atomic { backend == Live && down == Open && bs_n > 0 && downq < ROOM -> bs_n--; downq++ }
    :: atomic { backend == Live && down == Open && bs_n == 0 && bs_fin ->
        bs_fin = false; on_backend_fin() }
    :: atomic { backend == Live && down == Open && bs_n == 0 && !bs_fin && bs_rst ->
        on_backend_reset() }
    /* A RST is noticed behind a FIN, or by a write that fails. */
    :: atomic { backend == Live && source_over && bs_rst -> on_backend_broken() }
    :: atomic { backend == Live && bs_rst && upq > 0 ->
        upq = 0; on_backend_broken() }

    /* Up is written. */
    :: atomic { backend == Live && upq > 0 && sb_n < ROOM && !bs_rst ->
        ASSERT5(!sb_fin && !b_saw_fin && up != Flushed && up != Ended && up != Aborted);
        upq--; sb_n++ }
#ifdef MUT_FIN_FIRST
    :: atomic { backend == Live && up == Draining ->
#else
    :: atomic { backend == Live && up == Draining && upq == 0 ->
#endif
        up = Flushed }
    :: atomic { backend == Live && up == Flushed && !bs_rst ->
        ASSERT5(!sb_fin && !b_saw_fin);
        sb_fin = true; up = Ended; settle() }
    :: atomic { backend == Live && up == Flushed && bs_rst -> on_backend_broken() }

    /* Down is written. */
    :: atomic { client != Closed && downq > 0 && sc_n < ROOM && can_write_down ->
        ASSERT5(!sc_notify && !c_saw_notify && !sc_fin && !fin_sent);
        downq--; sc_n++ }
    :: atomic { client != Closed && downq == 0 && alert_q && can_write_down ->
        ASSERT5(!sc_fin && !fin_sent);
        alert_q = false; sc_alert = true }
    :: atomic { client == Live && down == Draining && down_flushed && can_write_down ->
        on_down_flushed() }
    :: atomic { client == Linger && !fin_sent && down_flushed && can_write_down ->
        ASSERT5(!sc_fin);
        on_down_flushed() }
    :: atomic { client == Live && down == Flushed && can_write_down ->
        ASSERT5(!sc_notify && !c_saw_notify && !sc_fin && !fin_sent);
        sc_notify = true;
#ifdef MUT_NOTIFY_TWICE
        if :: down = Ended :: skip fi;
#else
        down = Ended;
#endif
        settle() }

    :: atomic { all_closed -> break }
    od
}

/* Time passes: whichever clock runs may run out. And the kernel. */
proctype Time() {
end:
    do
    /* The kernel answers bytes for a closed socket with RST. */
    :: atomic { client == Closed && !sc_rst && !c_rst && cs_n > 0 ->
        reset_client_socket(); cs_n = 0 }
    :: atomic { client == Closed && cs_notify -> cs_notify = false }
    :: atomic { client == Closed && cs_bad -> cs_bad = false }
    :: atomic { client == Closed && cs_fin -> cs_fin = false }
    :: atomic { client == Closed && cs_rst -> cs_rst = false }

#ifndef MUT_LINGER_FOREVER
    :: atomic { linger_runs -> close_client() }
#endif
    :: atomic { linger_acked_runs -> close_client() }
#ifndef MUT_NO_CLOSE_WAIT
    :: atomic { close_wait_runs -> on_close_wait() }
#endif
    :: atomic { grace_runs -> client = Closed; reset_client_socket(); downq = 0; cs_n = 0 }
#ifndef PATIENT /* neither idle-timeout nor half-closed-timeout nor a drain */
    :: atomic { idle_runs -> on_self_abort() }
    :: atomic { half_runs -> on_self_abort() }
#ifndef STALL /* it would end every run */
    :: atomic { !all_closed -> on_forced() }
    :: atomic { !all_closed -> on_self_abort() } /* a new CRL comes at any time */
#endif
#endif
    od
}

init {
    atomic {
        if :: eof_ends_up = true :: skip fi;
#ifdef PATIENT
        c_firm = true; b_firm = true;
#else
#ifdef STALL
        if :: c_firm = true :: skip fi;
#ifdef FEWER /* states: only the client is deaf, and from the start, if at all */
        c_deaf = !c_firm; b_firm = true;
#else
        if :: b_firm = true :: skip fi;
#endif
#endif
#endif
        run Client(); run Backend(); run Sallyport(); run Time()
    }
}

#ifdef P4
ltl p4 { <> all_closed }
#endif
#ifdef P4_PATIENT
/* Nobody has to wait for the idle time-out, once the backend has ended and both read on. */
ltl p4_patient { <> (b_fin || b_rst || backend == Closed) -> <> all_closed }
#endif
