"""The peers of the scoreboard that are Python packages: one question, one line of JSON.

    bench/scoreboard_peers.py lipsdp-scs|lipsdp-clarabel|eclipse|eclipse-fast NETWORK [OUTPUT]
    bench/scoreboard_peers.py highs MODEL SECONDS

Run by bench/scoreboard.py with the Python of its virtual environment; needs nothing of the repository.
NETWORK is a .npz with W0, W1, ...: rows are neurons, ReLU between the layers, the last one linear; OUTPUT
keeps one row of the last matrix.  The line has the value, what the solver says of it, CPU seconds without
imports and reading, and, for a model, what was found and what is claimed.

LipSDP-Neuron (Fazlyab et al. 2019, theorem 2, ReLU: alpha = 0, beta = 1).  With v_0 = t, v_l the tangents
and diagonal T_l >= 0 (here T_l is twice the paper's), 2 v_l' T_l (W_l v_(l-1) - v_l) >= 0 on true tangents, so that

    rho |t|^2 - |W_k v_k|^2 - sum 2 v_l' T_l (W_l v_(l-1) - v_l) >= 0  for all (t, v)    =>    L^2 <= rho

and the smallest rho is a semidefinite program: the form's matrix is block tridiagonal.
"""
import json
import sys
import time


def form(cp, weights, rho, diagonals):
    """The matrix of the form above, as blocks."""
    import numpy as np
    sizes = [w.shape[1] for w in weights]
    blocks = [[np.zeros((rows, columns)) for columns in sizes] for rows in sizes]
    blocks[0][0] = rho * np.eye(sizes[0])
    for layer, (w, d) in enumerate(zip(weights[:-1], diagonals), 1):
        blocks[layer][layer] = blocks[layer][layer] + 2 * cp.diag(d)
        blocks[layer][layer - 1] = -cp.diag(d) @ w
        blocks[layer - 1][layer] = blocks[layer][layer - 1].T
    blocks[-1][-1] = blocks[-1][-1] - weights[-1].T @ weights[-1]
    return cp.bmat(blocks)


def lipsdp(weights, solver):
    import cvxpy as cp
    rho = cp.Variable(nonneg=True)
    diagonals = [cp.Variable(w.shape[0], nonneg=True) for w in weights[:-1]]
    matrix = form(cp, weights, rho, diagonals)
    problem = cp.Problem(cp.Minimize(rho), [(matrix + matrix.T) / 2 >> 0])
    options = {"eps": 1e-6, "max_iters": 100000} if solver == "SCS" else {"max_threads": 1}
    value = problem.solve(solver=solver, **options)
    return {"value": float(value) ** .5, "says": problem.status}


def eclipse(weights, method):
    import torch
    from eclipse_nn.LipConstEstimator import LipConstEstimator
    torch.set_num_threads(1)
    estimator = LipConstEstimator(weights=[torch.tensor(w, dtype=torch.float64) for w in weights])
    return {"value": float(estimator.estimate(method)), "says": "returned"}


def highs(model, seconds):
    import highspy
    solver = highspy.Highs()
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("time_limit", seconds)
    if solver.readModel(model) == highspy.HighsStatus.kError:
        sys.exit(f"scoreboard: HiGHS does not read {model}")
    solver.run()
    info = solver.getInfo()
    return {"value": info.mip_dual_bound, "found": info.objective_function_value,
            "says": solver.modelStatusToString(solver.getModelStatus())}


def network(path, output):
    import numpy as np
    with np.load(path) as data:
        weights = [data[f"W{i}"] for i in range(len(data.files))]
    if output is not None:
        weights[-1] = weights[-1][[output]]
    return weights


def main():
    kind, path = sys.argv[1:3]
    if kind == "highs":
        answer = lambda: highs(path, float(sys.argv[3]))
        import highspy  # noqa: F401
    else:
        weights = network(path, int(sys.argv[3]) if len(sys.argv) > 3 else None)
        if kind.startswith("lipsdp-"):
            import cvxpy  # noqa: F401
            answer = lambda: lipsdp(weights, kind.split("-")[1].upper())
        else:
            import eclipse_nn.LipConstEstimator  # noqa: F401
            answer = lambda: eclipse(weights, {"eclipse": "ECLipsE", "eclipse-fast": "ECLipsE_Fast"}[kind])
    started = time.process_time()
    result = answer()
    print(json.dumps(result | {"solve s": round(time.process_time() - started, 3)}), flush=True)


if __name__ == "__main__":
    main()
