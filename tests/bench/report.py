# SPDX-License-Identifier: BSD-2-Clause
"""Tables in Markdown out of the JSON that bench writes."""

from statistics import median

import workloads

OURS = "sallyport"


def is_peer(name):
    return not name.startswith(OURS)


def values(rounds, name, key):
    """Those of a contender, in the rounds in which it made no mistake."""
    return [each[name][key] for each in rounds if key in each.get(name, {})]


def ratios(rounds, key, name=OURS):
    """To the best peer, in each round where both have a figure."""
    found = []
    for each in rounds:
        peers = [figures[key] for peer, figures in each.items() if is_peer(peer) and key in figures]
        if peers and key in each.get(name, {}):
            found.append(each[name][key] / min(peers))
    return found


def figures_of(result, kinds):
    """(workload, figure, rounds) of what was measured."""
    for workload in workloads.WORKLOADS:
        rounds = result["workloads"].get(workload.name)
        for figure in workload.figures if rounds else ():
            if figure.kind in kinds:
                yield workload, figure, rounds


def number(value, digits):
    return f"{value:,.{digits}f}"


def cell(rounds, name, figure):
    """Median and minimum; how many rounds failed, if any."""
    found = values(rounds, name, figure.key)
    failed = sum(1 for each in rounds if "error" in each.get(name, {}))
    if not found:
        return f"errors in all {failed} rounds" if failed else ""
    text = number(median(found), figure.digits)
    if len(found) > 1:
        text += f" ({number(min(found), figure.digits)})"
    return text + (f", errors in {failed} of {len(rounds)}" if failed else "")


def reached(rounds, figure):
    """What the goal is held against, or None."""
    found = ratios(rounds, figure.key) if figure.kind == "ratio" else \
        values(rounds, OURS, figure.key)
    return median(found) if found else None


def goal_cells(rounds, figure):
    if figure.goal is None:
        return ["", ""]
    got = reached(rounds, figure)
    digits = 2 if figure.kind == "ratio" else max(figure.digits, 1)
    goal = number(figure.goal, digits)
    if got is None:
        return [goal, "?"]
    return [goal, number(got, digits) + (" yes" if got <= figure.goal else " **no**")]


def limit_cell(result, workload, figure):
    limit = (result.get("limit") or {}).get("workloads", {}).get(workload.name, {})
    return number(limit[figure.key], figure.digits) if figure.key in limit else ""


def row(cells):
    return f"| {' | '.join(cells)} |"


def main_table(result):
    """A line for each figure that has a goal or deserves one."""
    names = list(result["versions"])
    limit = ["limit"] if result.get("limit") else []
    lines = [row(["workload", "unit", "goal", "reached", *names, *limit]),
             "|:--|:--|" + "--:|" * (2 + len(names) + len(limit))]
    for workload, figure, rounds in figures_of(result, ("ratio", "limit", "told")):
        cells = [figure.title, figure.unit, *goal_cells(rounds, figure)]
        cells += [cell(rounds, name, figure) for name in names]
        lines.append(row(cells + [limit_cell(result, workload, figure) for _ in limit]))
    return "\n".join(lines)


def beside_table(result):
    """What else was measured."""
    names = list(result["versions"])
    lines = [row(["beside", "figure", "unit", *names]), "|:--|:--|:--|" + "--:|" * len(names)]
    for workload, figure, rounds in figures_of(result, ("beside",)):
        lines.append(row([workload.name, figure.title, figure.unit,
                          *[cell(rounds, name, figure) for name in names]]))
    return "\n".join(lines)


def errors(result):
    """The first error of each contender and workload."""
    lines = []
    for name, rounds in result["workloads"].items():
        for contender in result["versions"]:
            said = [each[contender]["error"] for each in rounds
                    if "error" in each.get(contender, {})]
            if said:
                lines.append(f"- {name}, {contender}: {said[0]}")
    return "\n".join(lines)


def conditions(result):
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = [f"{result['date']}, {result['system']}, Linux {result['kernel']}, {result['cpus']} x "
             f"{result['cpu']}, OpenSSL {result['openssl']}.", f"{versions}.",
             f"Medians (and minima) of {result['rounds']} alternating rounds of "
             f"{result['seconds']:g} s; the ratio to the best peer is taken in each round."]
    if result["shared_core"]:
        lines.append("There is one processor only: the load ran on the one of the proxies.")
    if result["idle"] < 0.9:
        lines.append(f"When it began, others took {100 - 100 * result['idle']:.0f} % of the "
                     "processors.")
    return "\n".join(lines)


def tables(result):
    parts = [conditions(result), main_table(result), beside_table(result)]
    if errors(result):
        parts.append("Errors, which make a figure not count:\n\n" + errors(result))
    return "\n\n".join(parts)
