import { mount } from "svelte";
import "./theme.css";
import Studio from "./studio/Studio.svelte";

mount(Studio, { target: document.getElementById("app")! });
