"""First steps in Python: run by the tests as a program and as a notebook, and read by a type checker."""

import pandas as pd

import gruforecast as gf

# a file; the model goes into a folder
model = gf.fit("air_passengers.csv", horizon=12, trials=1, compare="none", stats=False, output="air_model")
print(model)

# a data frame, with names of its own, up to the year before last
frame = pd.read_csv("air_passengers.csv", parse_dates=["ds"])
frame = frame.rename(columns={"unique_id": "store", "ds": "date", "y": "sales"})
model = gf.fit(
    frame.head(108), time="date", target="sales", id="store", horizon=12, trials=1, compare="none", stats=False
)
print(model.report.verdict)
print(model.report.leaderboard[["model", "val_mase", "mase"]])

# a year ahead: real datetimes, the names of the frame
forecast = model.predict()
print(forecast.set_index("date")["y_hat"])

# go on from newer rows, with one interval
forecast = model.predict(frame, level=80)
print(list(forecast.columns), forecast["date"].iloc[0])

# how good would it have been later?
scores = model.backtest(frame, windows=3)
print(scores[["model", "mase"]])

# what does the network do with its input?
print(model.explain())

# keep it
model.save("kept", overwrite=True)
model = gf.load("kept")
print(model.predict().equals(gf.load("kept").predict()))
