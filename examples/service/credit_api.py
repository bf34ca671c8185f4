"""A stand-in for the API of another company, for trying the service: ``uvicorn credit_api:app --port 8001``.

It answers 50 requests in any second, and refuses what is beyond.
"""

import time
from collections import Counter, deque

from fastapi import FastAPI, HTTPException

QUOTA, SECONDS = 50, 1.0

app = FastAPI()
window: deque[float] = deque()
answers: Counter[str] = Counter()


@app.get("/scores/{customer}")
async def score(customer: str) -> dict[str, int]:
    now = time.monotonic()
    while window and window[0] <= now - SECONDS:
        window.popleft()
    if len(window) >= QUOTA:
        answers["refused"] += 1
        raise HTTPException(429, headers={"Retry-After": f"{window[0] + SECONDS - now:.2f}"})
    window.append(now)
    answers["answered"] += 1
    return {"score": 300 + sum(customer.encode()) % 550}


@app.get("/answers")
async def all_answers() -> dict[str, int]:
    return {"answered": answers["answered"], "refused": answers["refused"]}
