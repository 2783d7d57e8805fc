"""What docs/python.md shows: run as a program and as a notebook, and checked by mypy, in the tests."""

import pandas as pd

import gruforecast as gf

frame = pd.read_csv("sample_data/air_passengers.csv", parse_dates=["ds"])
frame = frame.rename(columns={"unique_id": "store", "ds": "date", "y": "sales"})

# a file, or a frame with the columns named
model = gf.fit("sample_data/air_passengers.csv", horizon=12, trials=1, compare="none", stats=False, progress=False)
model = gf.fit(
    frame.head(132), time="date", target="sales", id="store", horizon=12, trials=1, compare="none", stats=False
)
print(model)
print(model.report.verdict)
print(model.report.leaderboard.head())

# a year ahead; real datetimes, the names of the frame
forecast = model.predict()
print(forecast.set_index("date")["y_hat"].round(1))

# go on from newer rows, with one interval
forecast = model.predict(frame, level=80)
print(forecast.head(3))

# would it have been right before?
scores = model.backtest(frame, windows=3, step=4)
print(scores[["model", "mase"]])

# what does the network do?
print(model.explain())

# keep it
model.save("passengers", overwrite=True)
model = gf.load("passengers")
